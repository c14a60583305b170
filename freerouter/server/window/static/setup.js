// Snippets that set a client up for this server: its own address is filled in.

import { byId, copyButton, h } from "./dom.js";

const ORIGIN = location.origin;

const SNIPPETS = {
  "curl": (key) => `curl ${ORIGIN}/api/v1/chat/completions \\
  -H 'content-type: application/json' -H 'authorization: Bearer ${key}' \\
  -d '{"model": "openrouter/free", "messages": [{"role": "user", "content": "Hello"}]}'`,
  "Python, openai": (key) => `import openai

client = openai.OpenAI(base_url="${ORIGIN}/api/v1", api_key="${key}")
answer = client.chat.completions.create(
    model="openrouter/free",
    messages=[{"role": "user", "content": "Hello"}],
)
print(answer.choices[0].message.content)`,
  "JavaScript, openai": (key) => `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${ORIGIN}/api/v1", apiKey: "${key}" });
const answer = await client.chat.completions.create({
  model: "openrouter/free",
  messages: [{ role: "user", content: "Hello" }],
});
console.log(answer.choices[0].message.content);`,
  "Claude Code": (key) => `export ANTHROPIC_BASE_URL=${ORIGIN}/api
export ANTHROPIC_AUTH_TOKEN=${key}
export ANTHROPIC_MODEL=free:tools
claude`,
  "Any other": (key) => `base URL   ${ORIGIN}/api/v1
for clients of Anthropic's API   ${ORIGIN}/api
API key    ${key}
model      openrouter/free, or free:tools, free:vision, or one free model by its id`,
};

let key = "any";
let current = "curl";

function draw() {
  const names = Object.keys(SNIPPETS);
  const text = SNIPPETS[current](key);
  const tab = (name, place) =>
    h(
      "button",
      {
        type: "button", role: "tab", id: `tab-${place}`, "aria-controls": "snippet", "aria-selected": String(name === current),
        tabindex: name === current ? "0" : "-1", onclick: () => choose(name), onkeydown: (event) => move(event, place),
      },
      name,
    );
  byId("snippets").replaceChildren(
    h("div", { class: "tabs", role: "tablist", "aria-label": "Clients" }, names.map(tab)),
    h("div", { id: "snippet", role: "tabpanel", "aria-labelledby": `tab-${names.indexOf(current)}` }, h("pre", { tabindex: "0" }, text), copyButton(() => text)),
  );
}

function choose(name) {
  current = name;
  draw();
  byId(`tab-${Object.keys(SNIPPETS).indexOf(name)}`).focus();
}

function move(event, place) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const names = Object.keys(SNIPPETS);
  if (step) choose(names[(place + step + names.length) % names.length]);
}

// Where the server asks for a token, it is the API key.
export function showSetup(asksForToken) {
  key = asksForToken ? "YOUR_TOKEN" : "any";
  draw();
}
