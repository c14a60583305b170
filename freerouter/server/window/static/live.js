// The connection to the server: a first look as JSON, then events; when it is lost, it is made again.

import { byId, h } from "./dom.js";

const LONGEST_PAUSE = 10_000;
const PAUSE_WHEN_REFUSED = 60_000; // the server is there, and has said no

let source = null;
let attempt = 0; // the latest: an older one that is still under way ends
let pause = 0;
let timer = 0; // of a pause; 0 while there is none

export function setConnection(kind, words) {
  if (document.body.dataset.connection === kind) return;
  document.body.dataset.connection = kind;
  byId("connection").querySelector(".words").textContent = words;
}

// on: snapshot, state and request take data; login is called when a token is asked for.
export async function connect(on) {
  const mine = stop();
  try {
    const answer = await fetch("/status?requests=0", { cache: "no-store" });
    if (mine !== attempt) return;
    if (answer.status === 401) return on.login();
    if (!answer.ok) {
      const words = await wordsOf(answer);
      return mine === attempt && refused(on, words);
    }
  } catch {
    return mine === attempt && again(on);
  }
  listen(on);
}

function listen(on) {
  let heard = false;
  source = new EventSource("/events");
  for (const kind of ["snapshot", "state", "request"]) {
    source.addEventListener(kind, (event) => {
      heard = true;
      pause = 0;
      setConnection("live", "Live");
      on[kind](JSON.parse(event.data));
    });
  }
  source.addEventListener("error", () => (heard ? again(on) : askWhy(on)));
}

// An event source that was refused does not tell why: the server is asked.
async function askWhy(on) {
  const mine = stop();
  const ended = new AbortController();
  try {
    const answer = await fetch("/events", { cache: "no-store", signal: ended.signal });
    const words = answer.ok ? "" : await wordsOf(answer);
    if (mine === attempt) words ? refused(on, words) : again(on);
  } catch {
    if (mine === attempt) again(on);
  } finally {
    ended.abort();
  }
}

async function wordsOf(answer) {
  const said = await answer.json().catch(() => null);
  return said?.error?.message ?? `status ${answer.status}`;
}

function refused(on, words) {
  stop();
  setConnection("refused", "Refused");
  byId("banner").replaceChildren(h("p", { class: "banner bad" }, h("strong", {}, "The server refuses this page."), ` It says: ${words}.`));
  timer = setTimeout(() => connect(on), PAUSE_WHEN_REFUSED);
}

function again(on) {
  stop();
  setConnection("lost", "Connection lost, trying again");
  pause = Math.min(pause * 1.6 + 500, LONGEST_PAUSE);
  timer = setTimeout(() => connect(on), pause);
}

function stop() {
  clearTimeout(timer);
  timer = 0;
  source?.close();
  attempt += 1;
  return attempt;
}

// Who comes back to the page, or to the network, does not wait for the pause to end. There is one attempt at a time.
export function hurry(on) {
  const now = () => timer && !document.hidden && connect(on);
  addEventListener("online", now);
  document.addEventListener("visibilitychange", now);
}

export function disconnect() {
  stop();
  setConnection("out", "Not logged in");
}
