// The table of the last requests, newest first; a request opens to its trace.

import { byId, copyButton, h, hidden, icon, needSign } from "./dom.js";
import { author, moment, ms, shortName } from "./format.js";
import { asText, attemptSigns, shown } from "./trace.js";

const KEPT = 200;
const TITLES = ["Time", "Needs", "Eligible", "Attempts", "Model", "First token", "Total"];
const KEYS = ["time", "needs", "eligible", "attempts", "model", "first", "total"];

const open = new Set();
let version = "";
let body = null;

const needs = (request) => Object.keys(request.trace?.requirements?.hard ?? {}).filter((name) => name !== "text");

function result(request) {
  const model = request.trace?.model;
  if (model) return h("span", { class: "model", title: model }, h("b", {}, shortName(model)), h("span", { class: "muted" }, author(model)));
  return h("span", { class: "failed" }, request.status ? `failed, ${request.status}` : "client left");
}

function cells(request) {
  const trace = request.trace;
  return [
    h("span", { class: "needs" }, needs(request).map(needSign)),
    trace ? h("span", {}, `${trace.eligible}`, h("span", { class: "muted" }, ` of ${trace.free}`)) : "–",
    attemptSigns(request),
    result(request),
    request.answered ? ms(request.first_ms) : "–",
    ms(request.total_ms),
  ];
}

function rows(request) {
  const id = `trace-${request.number}`;
  const toggle = () => setOpen(request, !open.has(request.number));
  const button = h("button", { type: "button", class: "open", "aria-expanded": "false", "aria-controls": id }, icon("down"), moment(request.at), hidden("show the trace"));
  const line = h("tr", { class: `request ${request.answered ? "" : "has-failed"}`, "data-number": request.number }, h("th", { scope: "row", class: "col-time" }, button));
  line.append(...cells(request).map((content, place) => h("td", { class: `col-${KEYS[place + 1]}` }, content)));
  line.addEventListener("click", (event) => {
    if (!getSelection()?.toString() || event.target.closest("button")) toggle();
  });
  return [line, h("tr", { id, class: "trace", hidden: true })];
}

// The trace is built when it is opened, so that two hundred rows stay light.
function setOpen(request, wanted) {
  const detail = byId(`trace-${request.number}`);
  if (wanted) open.add(request.number);
  else open.delete(request.number);
  detail.hidden = !wanted;
  detail.previousSibling.querySelector(".open").setAttribute("aria-expanded", String(wanted));
  const copy = copyButton(() => asText(request, version), "Copy as text");
  detail.replaceChildren(...(wanted ? [h("td", { colspan: TITLES.length }, shown(request), copy)] : []));
}

function drop() {
  while (body.childElementCount > 2 * KEPT) {
    open.delete(Number(body.lastChild.previousSibling.dataset.number));
    body.lastChild.remove();
    body.lastChild.remove();
  }
}

export function addRequest(request) {
  byId("no-request")?.remove();
  body.prepend(...rows(request));
  drop();
}

export function showRequests(state, requests) {
  version = state.version;
  body = h("tbody");
  const headings = TITLES.map((title, place) => h("th", { scope: "col", class: `col-${KEYS[place]}` }, title));
  byId("requests-table").replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, headings)), body));
  if (!requests.length) {
    const words = "No request yet. Send one below, or point a client at this server.";
    body.append(h("tr", { id: "no-request" }, h("td", { class: "empty", colspan: TITLES.length }, words)));
  }
  for (const request of requests) body.append(...rows(request));
  const known = new Map(requests.map((request) => [request.number, request]));
  for (const number of [...open]) {
    if (known.has(number)) setOpen(known.get(number), true);
    else open.delete(number);
  }
}
