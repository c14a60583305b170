// The three panels at the top, and the banner that says what is wrong and what to do.

import { byId, h } from "./dom.js";
import { count, duration, median, ms, now, percent, plural, timeOfDay } from "./format.js";
import { bar, gauge, strip } from "./plots.js";

const cooling = (state) => state.models.filter((model) => model.cooling_until !== null && model.cooling_until > now());

// What holds for the whole server, the worst first: [level, one or two words, what to do].
export function condition(state) {
  const { allowance, models, outage } = state;
  if (state.catalog.read_at === null) {
    return ["bad", "No list of models yet", `The server could not read it from ${state.upstream}. It tries again with the next request; freerouter doctor says what is wrong.`];
  }
  if (!models.length) {
    return ["bad", "No eligible model", "The settings include, exclude, authors, min_context and train leave no free model: freerouter models --all says why."];
  }
  if (outage) {
    return ["bad", "Outage", `OpenRouter does not answer (${outage.reason}). The server asks again ${inTime(outage.until)}; until then requests wait or fail with 429.`];
  }
  if (allowance.gate === "day") {
    return ["warn", "Allowance used up", `Today's free requests are used up. The gate opens at ${timeOfDay(allowance.opens_at)}, ${inTime(allowance.opens_at)}; until then nothing is sent.`];
  }
  if (allowance.gate === "minute") {
    return ["warn", "Minute used up", `All requests of this minute are sent. The next one goes ${inTime(allowance.opens_at)}.`];
  }
  if (cooling(state).length === models.length) {
    return ["warn", "All models cool down", "Each of them has failed lately. The next request goes to the one that is ready first."];
  }
  if (!state.shared_state.ok) {
    return ["warn", "Limits not shared", `Other processes are not heard: ${store(state)} ${state.shared_state.trouble}. The server tries again by itself.`];
  }
  return ["good", "Working", ""];
}

const STORES = { redis: "Redis", local: "a file", off: "nothing" };

const store = (state) => STORES[state.shared_state.store];

function inTime(until) {
  const left = until - now();
  return left < 1 ? "now" : `in ${duration(left)}`;
}

const facts = (...rows) =>
  h("dl", {}, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));

const host = (url) => new URL(url).host;

export function showHealth(state) {
  const [level, words] = condition(state);
  const ready = state.models.length - cooling(state).length;
  byId("health").replaceChildren(
    h("p", { class: "figure" }, h("span", { class: `dot ${level}` }), words),
    h("p", { class: "muted" }, `${ready} of ${plural(state.models.length, "model", "models")} ready`),
    facts(
      ["Version", state.version],
      ["Upstream", h("span", { title: state.upstream }, host(state.upstream))],
      ["List of models", state.catalog.read_at === null ? "not read yet" : `${duration(now() - state.catalog.read_at)} old`],
      ["Shared over", h("span", { title: state.shared_state.where }, store(state))],
      ["Running for", duration(now() - state.started)],
    ),
  );
}

export function showBanner(state) {
  const [level, words, remedy] = condition(state);
  const text = remedy && `${words}. ${remedy}`;
  const banner = byId("banner");
  if (banner.textContent === text) return;
  banner.replaceChildren(...(text ? [h("p", { class: `banner ${level}` }, h("strong", {}, `${words}.`), ` ${remedy}`)] : []));
}

export function showAllowance(state) {
  const { left, limit, minute_sent, minute_limit, resets_at, gate, opens_at } = state.allowance;
  const known = left !== null && limit;
  const share = known ? left / limit : 0;
  const level = share > 0.25 ? "good" : share > 0.1 ? "warn" : "bad";
  const resets = gate === "day" ? opens_at : resets_at;
  byId("allowance").replaceChildren(
    h(
      "div",
      { class: "gauge-box" },
      gauge(share, level, known ? `${left} of ${limit} free requests left today` : "allowance not known yet"),
      h("p", { class: "gauge-figure" }, known ? count(left) : "–", h("span", {}, known ? `of ${count(limit)} left` : "not known")),
    ),
    facts(
      ["Resets", `${timeOfDay(resets)}, ${inTime(resets)}`],
      ["This minute", thisMinute(minute_sent, minute_limit)],
    ),
  );
}

// A limit that is out of the way, as with --emulate, is not worth a bar.
function thisMinute(sent, most) {
  if (most > 10_000) return `${count(sent)} sent`;
  return h("span", { class: "with-bar" }, `${sent} of ${count(most)}`, bar(sent / most, "neutral"));
}

export function showRecent(state, requests) {
  const { answered, failed, running } = state.counts;
  const done = answered + failed;
  const firsts = requests.filter((request) => request.answered && request.first_ms !== null);
  byId("recent").replaceChildren(
    h("p", { class: "figure" }, done ? percent(answered / done) : "–", h("span", {}, done ? " answered" : " no request yet")),
    h("p", { class: "muted" }, done ? `${count(answered)} answered, ${count(failed)} failed since the start` : "They appear here as they end"),
    strip(requests, `The last ${plural(Math.min(requests.length, 60), "request", "requests")}: taller is slower, red failed, amber took more than one attempt`),
    facts(
      [h("span", { title: "the median" }, "First token"), ms(median(firsts.map((request) => request.first_ms)))],
      ["Running now", count(running)],
    ),
  );
}
