// The page: what the server tells goes to the views.

import { byId } from "./dom.js";
import { setNow } from "./format.js";
import { showAllowance, showBanner, showHealth, showRecent } from "./health.js";
import { connect, disconnect, hurry } from "./live.js";
import { showModels, tickModels } from "./models.js";
import { addRequest, showRequests } from "./requests.js";
import { showSetup } from "./setup.js";
import { offerChoices, startTry } from "./tryit.js";

const KEPT = 200;

let state = null;
let requests = [];
let undrawn = 0;

function summary() {
  showBanner(state);
  showHealth(state);
  showAllowance(state);
  showRecent(state, requests);
}

function showState(told) {
  state = told;
  summary();
  showModels(state);
  offerChoices(state);
}

const on = {
  snapshot(told) {
    setNow(told.now);
    requests = told.requests;
    undrawn = 0;
    setLogin(false, told.asks_for_token);
    showState(told);
    showRequests(state, requests);
  },
  state: showState,
  request(told) {
    requests.unshift(told);
    requests.length = Math.min(requests.length, KEPT);
    if (undrawn === 0) requestAnimationFrame(drawRequests);
    undrawn += 1;
  },
  login() {
    disconnect();
    setLogin(true, true);
    byId("token").focus();
  },
};

// Many requests may come at once; they are drawn together, and those that are no longer kept are not.
function drawRequests() {
  for (const request of requests.slice(0, undrawn).reverse()) addRequest(request);
  undrawn = 0;
  showRecent(state, requests);
}

function setLogin(wanted, asksForToken) {
  byId("login").hidden = !wanted;
  byId("content").hidden = wanted;
  byId("logout").hidden = wanted || !asksForToken;
  showSetup(asksForToken);
}

async function post(path, body) {
  return fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

byId("login-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await post("/login", { token: byId("token").value }).catch(() => null);
  const wrong = answer?.status === 401;
  byId("login-error").textContent = answer?.ok ? "" : wrong ? "This token is wrong. See --token of freerouter serve." : "The server did not answer. Try again.";
  if (!answer?.ok) return byId("token").select();
  byId("token").value = "";
  connect(on);
});

byId("logout").addEventListener("click", async () => {
  await post("/logout", {});
  on.login();
});

// Times that go by, while the page is looked at.
setInterval(() => {
  if (!state || document.hidden || document.body.dataset.connection !== "live") return;
  summary();
  tickModels();
}, 1000);

startTry(on.login);
showSetup(false);
connect(on);
hurry(on);
