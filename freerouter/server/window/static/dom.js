// Elements, icons and the clipboard. Nothing here writes HTML: a model's text stays text.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (tag, props = {}, ...children) => fill(document.createElement(tag), props, children);

export const s = (tag, props = {}, ...children) => fill(document.createElementNS(SVG, tag), props, children);

export const byId = (id) => document.getElementById(id);

// For eyes, and for ears: a sign with its words.
export const hidden = (text) => h("span", { class: "hidden" }, text);

const ICONS = {
  image: "M3 4h14v12H3zM3 13l4-4 4 4 2-2 4 4M13 7.5h.01",
  audio: "M5 8v4M8 5v10M11 7v6M14 4v12M17 8v4M2 9v2",
  video: "M2 5h11v10H2zM13 9l5-3v8l-5-3",
  file: "M5 2h7l4 4v12H5zM12 2v4h4M8 10h5M8 13h5",
  tools: "M12.5 3a4 4 0 0 0-3.8 5.3L3 14l3 3 5.7-5.7A4 4 0 0 0 17 6.5l-2.5 2.5L12 8l-1-2.500L13.500 3z",
  tool_choice: "M3 10h10M9 6l4 4-4 4M16 4v12",
  structured_outputs: "M8 3c-3 0-1 6-4 7 3 1 1 7 4 7M12 3c3 0 1 6 4 7-3 1-1 7-4 7",
  response_format: "M8 3c-3 0-1 6-4 7 3 1 1 7 4 7M12 3c3 0 1 6 4 7-3 1-1 7-4 7",
  reasoning: "M10 2a5.500 5.500 0 0 0-3 10v2h6v-2a5.500 5.500 0 0 0-3-10zM8 17h4",
  copy: "M7 7h9v10H7zM4 13V3h9",
  down: "M5 8l5 5 5-5",
};

export const WORDS = {
  image: "images",
  audio: "sound",
  video: "video",
  file: "files",
  tools: "tools",
  tool_choice: "forced tool call",
  structured_outputs: "JSON schema",
  response_format: "JSON",
  reasoning: "reasoning",
  "reasoning:off": "reasoning off",
};

export const wordsFor = (name) => WORDS[name] ?? name.replaceAll("_", " ");

export function icon(name) {
  return s("svg", { class: "icon", viewBox: "0 0 20 20", "aria-hidden": "true" }, s("path", { d: ICONS[name] }));
}

// What a request needs or a model can do: an icon with a title, or the name where there is no icon.
export function needSign(name) {
  if (!(name in ICONS)) return h("span", { class: "tag" }, wordsFor(name));
  return h("span", { class: "need", title: wordsFor(name) }, icon(name), hidden(wordsFor(name)));
}

export function chip(name, onchange) {
  const box = h("input", { type: "checkbox", value: name, onchange });
  return h("label", { class: "chip" }, box, name in ICONS ? icon(name) : null, wordsFor(name));
}

export const chosen = (root) => [...root.querySelectorAll("input:checked")].map((box) => box.value);

// The clipboard is there on 127.0.0.1 and with TLS; elsewhere a selection still works.
async function write(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = h("textarea", { class: "hidden" });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

export function copyButton(text, label = "Copy") {
  const words = h("span", {}, label);
  const button = h("button", { type: "button", class: "copy" }, icon("copy"), words);
  button.addEventListener("click", async () => {
    try {
      await write(text());
      words.textContent = "Copied";
    } catch {
      words.textContent = "Not copied";
    }
    setTimeout(() => (words.textContent = label), 1500);
  });
  return button;
}
