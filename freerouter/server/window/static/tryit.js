// "Try it": explains a request without sending it, or sends it and shows the answer as it comes.

import { byId, chip, chosen, h, wordsFor } from "./dom.js";
import { duration, percent, plural } from "./format.js";

const NEEDS = ["tools", "structured_outputs", "image", "audio", "video", "file", "reasoning"];

let running = null;
let onLogin = () => {};

function request(stream) {
  const needs = chosen(byId("try-needs"));
  const model = byId("try-model").value || (needs.length ? `free:${needs.join("+")}` : "openrouter/free");
  return { model, stream, messages: [{ role: "user", content: byId("prompt").value }] };
}

async function post(path, body) {
  const headers = { "content-type": "application/json" };
  if (byId("try-prefer").value) headers["x-freerouter-prefer"] = byId("try-prefer").value;
  if (byId("try-train").checked) headers["x-freerouter-train"] = "deny";
  running = new AbortController();
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal: running.signal });
  if (answer.status === 401) onLogin();
  if (answer.ok) return answer;
  const error = await answer.json().catch(() => null);
  throw new Error(error?.error?.message ?? `status ${answer.status}`);
}

const show = (...parts) => byId("try-result").replaceChildren(...parts);

async function guarded(work) {
  running?.abort();
  byId("stop").hidden = false;
  try {
    await work();
  } catch (error) {
    if (error.name !== "AbortError") show(h("p", { class: "error", role: "alert" }, error.message));
  } finally {
    byId("stop").hidden = true;
  }
}

// A dry run.

async function explain() {
  const answer = await post("/try/explain", request(false));
  const { requirements, eligible, ineligible, without, train } = await answer.json();
  const unknown = train === "deny" ? eligible.filter((row) => row.trains === "unknown").length : 0;
  const found = Object.entries(requirements.hard).map(([name, where]) => `${wordsFor(name)} (${where})`);
  const likely = [...eligible].sort((a, b) => b.probability - a.probability || (a.id < b.id ? -1 : 1));
  show(
    h("p", { role: "status" }, h("b", {}, `${plural(eligible.length, "model is", "models are")} eligible.`), ` Needs ${found.join(", ")}. Nothing was sent.`),
    h("ul", { class: "rows" }, likely.map((row) => h("li", {}, h("span", { class: "value" }, percent(row.probability)), h("span", {}, row.id, note(row))))),
    unknown ? h("p", { class: "muted" }, `Whether ${unknown} of them train on prompts is not known: OpenRouter is told that they must not.`) : "",
    without.length ? h("p", { class: "muted" }, `Without one need: ${without.map((row) => `${plural(row.more, "more", "more")} without ${wordsFor(row.need)}`).join(", ")}.`) : "",
    h(
      "details",
      {},
      h("summary", {}, `${plural(ineligible.length, "model is", "models are")} not eligible`),
      h("ul", { class: "rows" }, ineligible.map((row) => h("li", {}, h("span", {}, row.id, h("span", { class: "muted" }, ` ${row.reasons.join("; ")}`))))),
    ),
  );
}

function note(row) {
  const notes = row.gives_up.length ? [`gives up ${row.gives_up.join(", ")}`] : [];
  if (row.cooling_s) notes.push(`cooling for ${duration(row.cooling_s)}`);
  if (row.why) notes.push(row.why);
  if (row.trains === "yes") notes.push("may train on prompts");
  return notes.length ? h("span", { class: "muted" }, ` ${notes.join("; ")}`) : null;
}

// A real request.

async function send() {
  const text = h("p", { class: "answer", "aria-live": "polite" });
  const told = h("p", { class: "muted", role: "status" }, "Waiting for the first token");
  show(text, told);
  const answer = await post("/try/chat", request(true));
  const model = answer.headers.get("x-freerouter-model");
  const attempts = Number(answer.headers.get("x-freerouter-attempts"));
  told.textContent = `${model}, ${plural(attempts, "attempt", "attempts")}`;
  for await (const event of events(answer.body)) {
    if (event.error) throw new Error(event.error.message);
    const delta = event.choices?.[0]?.delta ?? {};
    if (delta.content) text.append(delta.content);
    else if (delta.reasoning && !text.textContent) told.textContent = `${model} is thinking`;
  }
  told.textContent = `Answered by ${model}, ${plural(attempts, "attempt", "attempts")}`;
}

async function* events(stream) {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let rest = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const lines = (rest + decoder.decode(piece.value, { stream: true })).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data: {")) yield JSON.parse(line.slice(6));
    }
  }
}

export function startTry(login) {
  onLogin = login;
  byId("try-form").addEventListener("submit", (event) => {
    event.preventDefault();
    guarded(send);
  });
  byId("explain").addEventListener("click", () => {
    if (byId("try-form").reportValidity()) guarded(explain);
  });
  byId("stop").addEventListener("click", () => running?.abort());
}

function options(select, values, kept) {
  const before = select.value;
  if (values.join() === [...select.options].slice(kept).map((option) => option.value).join()) return;
  while (select.options.length > kept) select.lastElementChild.remove();
  select.append(...values.map((value) => h("option", { value }, value)));
  if (values.includes(before)) select.value = before;
}

export function offerChoices(state) {
  const can = NEEDS.filter((name) => state.models.some((model) => model.can.includes(name)));
  const box = byId("try-needs");
  if (can.length !== box.children.length) box.replaceChildren(...can.map((name) => chip(name)));
  options(byId("try-model"), state.models.map((model) => model.id).sort(), 1);
  const training = byId("try-train");
  if (state.train === "deny") training.checked = training.disabled = true;
  const prefers = state.prefers ?? [];
  byId("try-prefer-box").hidden = !prefers.length;
  const select = byId("try-prefer");
  const first = !select.options.length;
  options(select, prefers, 0);
  if (first && prefers.length) select.value = state.prefer;
}
