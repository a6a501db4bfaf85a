// As the library's README has it for a plain WebSocket, every option at its default.
import { WebSocket } from "partysocket";

const socket = new WebSocket(new URLSearchParams(location.search).get("ws"));
socket.addEventListener("message", ({ data }) => {
  document.getElementById("last").textContent = data;
});
