"use strict";

// How to come back. A delay is drawn from 0 to a bound that doubles with every
// failure ("full jitter"), so that many pages do not come back at once.
const BASE_MS = 250;
const CAP_MS = 10000;
// A connection that lived this long was a success: the bound starts anew.
const MIN_UPTIME_MS = 5000;
const CONNECT_TIMEOUT_MS = 5000;
// Silence for so many heartbeats, and at least so long, is a dead connection.
const SILENT_HEARTBEATS = 3;
const MIN_SILENCE_MS = 2000;

const byId = (id) => document.getElementById(id);
const card = byId("ticker");

let socket = null;
let failures = 0;
let connections = 0;
let lost = 0;
let session = null;
let lastSeq = 0;
let paused = false;
// What the person wants, and how many commands of this connection are unanswered.
let wanted = null;
let asked = 0;
let silenceMs = MIN_SILENCE_MS;
let liveness = 0;
let retry = 0;
let uptime = 0;

function address() {
  const given = new URLSearchParams(location.search).get("ws");
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return new URL(given || `${scheme}//${location.host}/ws`);
}

function show(state, words) {
  card.dataset.state = state;
  byId("state").textContent = words;
  byId("pause").disabled = state !== "live";
  byId("resume").disabled = state !== "paused";
  byId("seq").textContent = lastSeq || "–";
  byId("connections").textContent = connections;
  byId("lost").textContent = lost;
}

function showConnected() {
  if (paused) {
    show("paused", "Paused. The server makes no numbers until resumed.");
  } else {
    show("live", "Live.");
  }
}

function connect() {
  clearTimeout(retry);
  let url;
  try {
    url = address();
    byId("server").textContent = url.href;
    if (session) {
      url.searchParams.set("session", session);
      url.searchParams.set("last_seq", lastSeq);
    }
    show("connecting", failures ? "Connecting again …" : "Connecting …");
    socket = new WebSocket(url);
  } catch (error) {
    show("closed", `Cannot connect: ${error.message}`);
    return;
  }
  const mine = socket;
  // Whatever an abandoned socket still says is not ours any more.
  const ifMine = (act) => (event) => mine === socket && act(event);
  mine.onopen = ifMine(() => {
    connections += 1;
    uptime = setTimeout(() => { failures = 0; }, MIN_UPTIME_MS);
    alive();
  });
  mine.onmessage = ifMine((event) => {
    alive();
    receive(event.data);
  });
  mine.onclose = ifMine((event) => gone(event.reason || `code ${event.code}`));
  watch(CONNECT_TIMEOUT_MS, "no answer");
}

// A dead connection stays open indefinitely unless something looks at the clock.
function watch(ms, why) {
  clearTimeout(liveness);
  liveness = setTimeout(() => gone(why), ms);
}

function alive() {
  watch(silenceMs, "nothing heard");
}

function gone(why) {
  clearTimeout(liveness);
  clearTimeout(uptime);
  const old = socket;
  socket = null;
  asked = 0;
  if (old) {
    old.close();
  }
  const bound = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(failures, 16));
  failures += 1;
  const delay = Math.random() * bound;
  show("waiting", `Connection lost (${why}). Trying again in ${(delay / 1000).toFixed(1)} s.`);
  clearTimeout(retry);
  retry = setTimeout(connect, delay);
}

function receive(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return;
  }
  switch (message?.type) {
    case "welcome":
      welcome(message);
      break;
    case "tick":
      tick(message);
      break;
    case "paused":
    case "resumed":
      paused = message.type === "paused";
      asked = Math.max(0, asked - 1);
      showConnected();
      settle();
      break;
    case "error":
      byId("state").textContent = `The server says: ${message.message}`;
      break;
  }
}

function welcome(message) {
  lost += message.lost || 0;
  session = message.session;
  if (!message.resumed) {
    lastSeq = 0;
  }
  paused = message.paused;
  silenceMs = Math.max(MIN_SILENCE_MS, SILENT_HEARTBEATS * message.heartbeat_ms);
  alive();
  showConnected();
  settle();
}

function tick(message) {
  // A number already seen is no news, and what is no number is none.
  if (!(message.seq > lastSeq)) {
    return;
  }
  lastSeq = message.seq;
  byId("number").textContent = message.value;
  showConnected();
}

function want(pausing) {
  wanted = pausing;
  settle();
}

// A command may be lost with its connection, and one of an old connection may
// arrive late: until it is as the person wants, it is asked for again.
function settle() {
  const isOwed = wanted !== null && wanted !== paused && asked === 0;
  if (isOwed && socket && socket.readyState === WebSocket.OPEN) {
    asked += 1;
    socket.send(JSON.stringify({ type: wanted ? "pause" : "resume" }));
  }
}

byId("pause").addEventListener("click", () => want(true));
byId("resume").addEventListener("click", () => want(false));
// The network is back: waiting longer helps nobody.
addEventListener("online", () => {
  if (!socket) {
    connect();
  }
});
// A page kept for the back button must not hold a connection it does not watch.
addEventListener("pagehide", () => {
  clearTimeout(retry);
  clearTimeout(liveness);
  const old = socket;
  socket = null;
  asked = 0;
  if (old) {
    old.close(1000);
  }
});
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    connect();
  }
});

connect();
