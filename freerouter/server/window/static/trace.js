// A request's trace as the five steps: to be seen, and as text for a report.

import { h, wordsFor } from "./dom.js";
import { duration, iso, ms, plural } from "./format.js";

const GOOD = "answered";

// The name of a step, and its lines; none holds anything of a message.
export function steps(request) {
  const trace = request.trace;
  if (!trace) return [["Request Analysis", ["the client left before there was a result"]]];
  return [
    ["Request Analysis", analysis(trace.requirements)],
    ["Model Filtering", [`${trace.eligible} of ${trace.free} free models eligible`, ...trace.skipped.map((name) => `${name} is no longer offered`)]],
    ["Random Selection", selection(trace)],
    ["Request Forwarding", trace.attempts.length ? trace.attempts.map(attempt) : ["nothing was sent"]],
    ["Response Tracking", ending(request)],
  ];
}

function analysis(requirements) {
  if (!requirements) return ["the request could not be read"];
  const needs = Object.entries(requirements.hard).map(([name, where]) => `${wordsFor(name)} (${where})`);
  const soft = requirements.soft.length ? [`${requirements.require_parameters ? "demands" : "prefers"} ${requirements.soft.join(", ")}`] : [];
  const output = requirements.output_tokens ? `, ${requirements.output_tokens} more for the answer` : "";
  return [`needs ${needs.join(", ")}`, ...soft, `at most ${requirements.prompt_tokens} tokens${output}`];
}

function selection(trace) {
  const drawn = [...new Set(trace.attempts.map((one) => one.model))];
  const preferred = trace.prefer && trace.prefer !== "uniform" ? [`preference ${trace.prefer}`] : [];
  const conversation = trace.conversation ? [`the conversation ${trace.conversation}`] : [];
  return [drawn.length ? `drawn: ${drawn.join(", ")}` : "no model was drawn", ...preferred, ...conversation];
}

function attempt(one) {
  const status = one.status || "no reply";
  const cooldown = one.cooldown_s ? `; left alone for ${duration(one.cooldown_s)}` : "";
  return `${one.model}: ${status} ${one.reason} after ${ms(one.duration_ms)}${cooldown}`;
}

function ending(request) {
  const trace = request.trace;
  const given = trace.given_up.length ? [`${trace.model} does not support ${trace.given_up.join(", ")}`] : [];
  const second = trace.second_opinion ? [`a second model was asked: ${trace.second_opinion}`] : [];
  const cost = trace.cost ? [`ALARM: it cost $${trace.cost}`] : [];
  return [
    `${trace.model ? `answered by ${trace.model}` : "not answered"}; ${trace.ending || "running"}; status ${request.status || "none, the client left"}`,
    `first token after ${ms(request.first_ms)}, all after ${ms(request.total_ms)}`,
    ...given, ...second, ...cost,
  ];
}

export function asText(request, version) {
  const id = request.trace?.id ?? "none";
  const stream = request.trace?.requirements?.stream ? "streamed" : "in one piece";
  const head = [`freerouter ${version}, trace ${id}`, `${iso(request.at)}, ${request.dialect || "unknown dialect"}, ${stream}`];
  const lines = steps(request).flatMap(([name, rows], place) => [`${place + 1}. ${name}`, ...rows.map((row) => `   ${row}`)]);
  return [...head, ...lines].join("\n");
}

// Where each attempt began and ended within the request.
function timeline(request) {
  const attempts = request.trace?.attempts ?? [];
  const total = Math.max(request.total_ms, ...attempts.map((one) => one.started_ms + one.duration_ms), 1);
  return attempts.map((one) => {
    const bar = h("span", { class: one.verdict === GOOD ? "good" : "bad" });
    bar.style.marginLeft = `${(100 * one.started_ms) / total}%`;
    bar.style.width = `${Math.max((100 * one.duration_ms) / total, 0.5)}%`;
    return h("span", { class: "timeline", "aria-hidden": "true" }, bar);
  });
}

export function shown(request) {
  const bars = timeline(request);
  const item = ([name, rows]) =>
    h("li", {}, h("h3", {}, name), h("div", {}, rows.map((row, place) => h("p", {}, row, name === "Request Forwarding" ? bars[place] : null))));
  const content = request.content ? [h("li", { class: "content" }, h("h3", {}, "Last message"), h("div", {}, h("p", {}, request.content)))] : [];
  return h("ol", { class: "steps" }, steps(request).map(item), content);
}

export function attemptSigns(request) {
  const attempts = request.trace?.attempts ?? [];
  const words = attempts.map((one) => `${one.model}: ${one.status || "no reply"} ${one.reason}, ${ms(one.duration_ms)}`);
  const sign = (one, place) => h("span", { class: `try ${one.verdict === GOOD ? "good" : one.verdict === "again" ? "again" : "bad"}`, title: words[place] });
  if (!attempts.length) return h("span", { class: "muted" }, "none");
  return h("span", { class: "attempts", role: "img", "aria-label": `${plural(attempts.length, "attempt", "attempts")}: ${words.join("; ")}` }, attempts.map(sign));
}
