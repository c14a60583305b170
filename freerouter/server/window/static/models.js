// The table of models: filtered by what they can do, sorted by a column, with the time left of a cooldown.

import { byId, chip, chosen, h, hidden, icon, needSign } from "./dom.js";
import { author, duration, median, ms, now, percent, plural, shortName, tokens } from "./format.js";
import { bar, times, tries } from "./plots.js";

// What is shown of the many capabilities; the rest is parameters.
const SHOWN = ["image", "audio", "video", "file", "tools", "structured_outputs", "response_format", "reasoning"];

const share = (model) => (model.attempts ? model.answered / model.attempts : null);
const first = (model) => median(model.tries.filter(([answered]) => answered).map(([, time]) => time));
const left = (model) => (model.cooling_until === null ? 0 : Math.max(model.cooling_until - now(), 0));

// Each column: title, how to sort (ascending first or not), what a cell holds.
const COLUMNS = [
  { key: "name", title: "Model", by: (model) => shortName(model.id), up: true, cell: nameCell },
  { key: "can", title: "Can do", by: (model) => model.can.filter((name) => SHOWN.includes(name)).length, cell: canCell },
  { key: "context", title: "Context", by: (model) => model.context, cell: (model) => tokens(model.context), number: true },
  { key: "state", title: "State", by: left, cell: stateCell },
  { key: "success", title: "Answered", by: share, cell: successCell },
  { key: "first", title: "First token", by: first, up: true, cell: firstCell },
  { key: "share", title: "Draws", by: (model) => model.share, cell: shareCell },
  { key: "rank", title: "Rank", by: (model) => model.rank, up: true, cell: rankCell, number: true, optional: true },
  { key: "trains", title: "Trains", hint: "whether it may train on prompts", by: (model) => model.trains, cell: trainsCell },
];

// How long each cooldown was when it was seen first, by its end.
let lengths = new Map();
let models = [];
let rankedBy = "";
let sorted = { key: "name", up: true };

function nameCell(model) {
  return h("span", { class: "model", title: model.id }, h("b", {}, shortName(model.id)), h("span", { class: "muted" }, author(model.id)));
}

function canCell(model) {
  // One pair of braces says enough.
  const covered = model.can.includes("structured_outputs") ? "response_format" : "";
  return h("span", { class: "needs" }, SHOWN.filter((name) => model.can.includes(name) && name !== covered).map(needSign));
}

function stateCell(model) {
  const seconds = left(model);
  if (!seconds) return h("span", { class: "state" }, h("span", { class: "dot good" }), "ready");
  return h("span", { class: "state cooling" }, h("span", { class: "left" }, `cooling ${duration(seconds)}`), bar(seconds / lengths.get(model.cooling_until), "warn"));
}

function successCell(model) {
  if (!model.attempts) return h("span", { class: "muted" }, "not asked");
  const words = `${model.answered} of ${plural(model.attempts, "attempt", "attempts")} answered`;
  return h("span", { class: "with-plot", title: words }, h("span", { class: "value" }, percent(share(model))), tries(model.tries, words));
}

function firstCell(model) {
  const list = model.tries.filter(([answered]) => answered).map(([, time]) => time);
  if (!list.length) return h("span", { class: "muted" }, "–");
  return h("span", { class: "with-plot" }, h("span", { class: "value" }, ms(first(model))), times(list, `median ${ms(first(model))}`));
}

function shareCell(model) {
  const value = model.share ?? 0;
  return h("span", { class: "with-plot" }, h("span", { class: "value" }, percent(model.share)), bar(value, "neutral"));
}

function trainsCell(model) {
  if (model.trains === "yes") return h("span", { class: "failed", title: "may train on prompts" }, "yes");
  if (model.trains === "no") return h("span", { title: "does not train on prompts" }, "no");
  return h("span", { class: "muted", title: "not known" }, h("span", { "aria-hidden": "true" }, "?"), hidden("unknown"));
}

function rankCell(model) {
  return h("span", { title: model.why }, model.rank === null ? "–" : String(+model.rank.toFixed(1)));
}

const columns = () => COLUMNS.filter((column) => !column.optional || models.some((model) => model[column.key] !== null));

function inOrder(list) {
  const column = COLUMNS.find((one) => one.key === sorted.key);
  const side = sorted.up ? 1 : -1;
  const compare = (a, b) => {
    const [x, y] = [column.by(a), column.by(b)];
    if (x === y) return a.id < b.id ? -1 : 1;
    if (x === null || x === undefined) return 1;
    if (y === null || y === undefined) return -1;
    return x < y ? -side : side;
  };
  return [...list].sort(compare);
}

function sortBy(column) {
  const up = column.up ?? false;
  sorted = { key: column.key, up: sorted.key === column.key ? !sorted.up : up };
  draw();
  byId(`by-${column.key}`).focus();
}

function heading(column) {
  const here = sorted.key === column.key;
  const order = here ? (sorted.up ? "ascending" : "descending") : null;
  const arrow = here ? h("span", { class: `arrow ${order}` }, icon("down")) : null;
  const button = h("button", { type: "button", id: `by-${column.key}`, title: column.key === "rank" ? `by ${rankedBy}` : column.hint, onclick: () => sortBy(column) }, column.title, arrow);
  return h("th", { scope: "col", class: `col-${column.key}`, "aria-sort": order }, button);
}

const cell = (column, model) => h("td", { class: `col-${column.key}${column.number ? " number" : ""}` }, column.cell(model));

function row(model) {
  const [name, ...rest] = columns();
  const title = h("th", { scope: "row", class: "col-name" }, name.cell(model));
  return h("tr", { "data-id": model.id, class: left(model) ? "cooling" : null }, title, rest.map((column) => cell(column, model)));
}

function draw() {
  const needs = chosen(byId("needs"));
  const shown = models.filter((model) => needs.every((need) => model.can.includes(need)));
  byId("models-count").textContent = needs.length ? `${shown.length} of ${models.length} can do that` : `${models.length} free`;
  const empty = models.length ? "No free model can do all of that." : "There is no free model to draw from.";
  const rows = shown.length ? inOrder(shown).map(row) : [h("tr", {}, h("td", { class: "empty", colspan: columns().length }, empty))];
  byId("models-table").replaceChildren(
    h("table", {}, h("thead", {}, h("tr", {}, columns().map(heading))), h("tbody", {}, rows)),
  );
}

function offerNeeds() {
  const offered = SHOWN.filter((name) => models.some((model) => model.can.includes(name)));
  const box = byId("needs");
  if (offered.join() === [...box.querySelectorAll("input")].map((input) => input.value).join()) return;
  const before = chosen(box);
  box.replaceChildren(...offered.map((name) => chip(name, draw)));
  for (const input of box.querySelectorAll("input")) input.checked = before.includes(input.value);
}

// The focus stays on a heading when its table is drawn anew.
export function showModels(state) {
  models = state.models;
  rankedBy = state.ranked_by;
  const cooling = models.filter(left);
  lengths = new Map(cooling.map((model) => [model.cooling_until, lengths.get(model.cooling_until) ?? left(model)]));
  const focused = document.activeElement?.id;
  offerNeeds();
  draw();
  if (focused?.startsWith("by-")) byId(focused)?.focus();
}

// The time left of cooldowns goes down between two states.
export function tickModels() {
  for (const place of document.querySelectorAll("#models-table tr.cooling")) {
    const model = models.find((one) => one.id === place.dataset.id);
    place.querySelector(".col-state")?.replaceChildren(stateCell(model));
    place.classList.toggle("cooling", left(model) > 0);
  }
}
