"use strict";

// The oldest lines go, so that a page left open does not grow without bound.
const LINES = 200;

const byId = (id) => document.getElementById(id);
let socket = null;

function address() {
  const given = new URLSearchParams(location.search).get("ws");
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return given || `${scheme}//${location.host}/echo`;
}

function show(state, words) {
  byId("echo").dataset.state = state;
  byId("state").textContent = words;
  byId("connect").disabled = state !== "closed";
  byId("disconnect").disabled = state === "closed";
  byId("send").disabled = state !== "open";
}

function log(words, note) {
  const list = byId("log");
  const line = document.createElement("li");
  line.textContent = words;
  line.className = note ? "note" : "";
  list.append(line);
  while (list.childElementCount > LINES) {
    list.firstElementChild.remove();
  }
  list.scrollTop = list.scrollHeight;
}

function connect() {
  let mine;
  try {
    mine = new WebSocket(address());
  } catch (error) {
    show("closed", `Cannot connect: ${error.message}`);
    return;
  }
  socket = mine;
  show("connecting", "Connecting …");
  mine.onopen = () => {
    show("open", "Connected.");
    byId("text").focus();
  };
  mine.onmessage = (event) => log(`← ${event.data}`);
  mine.onclose = (event) => {
    const why = event.reason ? `${event.code}, ${event.reason}` : event.code;
    log(`closed (${why})`, true);
    if (socket === mine) {
      socket = null;
      show("closed", "Not connected.");
    }
  };
}

byId("connect").addEventListener("click", connect);
byId("disconnect").addEventListener("click", () => {
  if (socket) {
    show("closing", "Closing …");
    socket.close(1000);
  }
});
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = byId("text");
  if (socket && socket.readyState === WebSocket.OPEN && field.value) {
    socket.send(field.value);
    log(`→ ${field.value}`);
    field.value = "";
  }
});

show("closed", "Not connected.");
connect();
