// Small plots, as SVG that is built element by element.

import { s } from "./dom.js";

// A half circle that is full where nothing is used.
export function gauge(share, level, label) {
  const arc = "M 12 66 A 54 54 0 0 1 120 66";
  const line = { d: arc, pathLength: 100, fill: "none", "stroke-linecap": "round", "stroke-width": 10 };
  const parts = [s("path", { ...line, class: "track" })];
  if (share > 0) parts.push(s("path", { ...line, class: `fill ${level}`, "stroke-dasharray": `${share * 100} 200` }));
  return s("svg", { class: "gauge", viewBox: "0 0 132 76", role: "img", "aria-label": label }, parts);
}

// One bar for each try: answered ones are full, failed ones are short and red.
export function tries(list, label) {
  const width = 4;
  const bars = list.map(([answered], place) =>
    s("rect", {
      x: place * width,
      y: answered ? 2 : 10,
      width: width - 1.5,
      height: answered ? 14 : 6,
      rx: 1,
      class: answered ? "good" : "bad",
    }),
  );
  return s("svg", { class: "plot", viewBox: "0 0 72 18", role: "img", "aria-label": label }, bars);
}

// Times on a logarithmic scale: twice as long is the same step anywhere.
export function times(list, label) {
  const values = list.map((value) => Math.log(Math.max(value, 1)));
  const low = Math.min(...values), high = Math.max(...values);
  const y = (value) => (high - low < 0.1 ? 9 : 15 - (12 * (value - low)) / (high - low));
  const x = (place) => 3 + place * 4;
  const points = values.map((value, place) => `${x(place)},${y(value).toFixed(1)}`);
  const last = values.length - 1;
  return s(
    "svg",
    { class: "plot", viewBox: "0 0 72 18", role: "img", "aria-label": label },
    s("polyline", { points: points.join(" "), class: "line" }),
    last >= 0 ? s("circle", { cx: x(last), cy: y(values[last]), r: 2.2, class: "point" }) : null,
  );
}

export function bar(share, kind, label) {
  const said = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  return s(
    "svg",
    { class: `bar ${kind}`, viewBox: "0 0 100 6", preserveAspectRatio: "none", ...said },
    s("rect", { width: 100, height: 6, class: "track" }),
    s("rect", { width: Math.max(Math.min(share, 1), 0) * 100, height: 6, class: "fill" }),
  );
}

// The last requests, oldest left: the height is the time to the first token, the colour how it ended.
export function strip(requests, label) {
  const shown = requests.slice(0, 60).reverse();
  const height = (request) => {
    const value = request.first_ms ?? request.total_ms;
    return Math.min(4 + (Math.log10(Math.max(value, 10)) - 1) * 9, 34);
  };
  const bars = shown.map((request, place) =>
    s("rect", {
      x: (60 - shown.length + place) * 5,
      y: 36 - height(request),
      width: 3.5,
      height: height(request),
      rx: 1,
      class: !request.answered ? "bad" : (request.trace?.attempts.length ?? 0) > 1 ? "warn" : "good",
    }),
  );
  return s("svg", { class: "strip", viewBox: "0 0 300 36", role: "img", "aria-label": label }, bars);
}
