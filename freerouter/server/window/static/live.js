// The connection to the server: a first look as JSON, then events; when it is lost, it is made again.

import { byId } from "./dom.js";

const LONGEST_PAUSE = 10_000;

let source = null;
let pause = 0;
let timer = 0;

export function setConnection(kind, words) {
  if (document.body.dataset.connection === kind) return;
  document.body.dataset.connection = kind;
  byId("connection").querySelector(".words").textContent = words;
}

// on: snapshot, state and request take data; login is called when a token is asked for.
export async function connect(on) {
  clearTimeout(timer);
  source?.close();
  try {
    const answer = await fetch("/status?requests=0", { cache: "no-store" });
    if (answer.status === 401) return on.login();
    if (!answer.ok) throw new Error(answer.status);
  } catch {
    return again(on);
  }
  listen(on);
}

function listen(on) {
  source = new EventSource("/events");
  for (const kind of ["snapshot", "state", "request"]) {
    source.addEventListener(kind, (event) => {
      pause = 0;
      setConnection("live", "Live");
      on[kind](JSON.parse(event.data));
    });
  }
  source.addEventListener("error", () => again(on));
}

function again(on) {
  source?.close();
  setConnection("lost", "Connection lost, trying again");
  pause = Math.min(pause * 1.6 + 500, LONGEST_PAUSE);
  clearTimeout(timer);
  timer = setTimeout(() => connect(on), pause);
}

// Who comes back to the page, or to the network, does not wait for the pause to end.
export function hurry(on) {
  const now = () => document.body.dataset.connection === "lost" && !document.hidden && connect(on);
  addEventListener("online", now);
  document.addEventListener("visibilitychange", now);
}

export function disconnect() {
  clearTimeout(timer);
  source?.close();
  setConnection("out", "Not logged in");
}
