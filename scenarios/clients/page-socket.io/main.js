// As the library's documentation has it, with WebSockets alone (`transports`), every other option
// at its default. It connects to a hard-coded address.
import { io } from "socket.io-client";

const socket = io("http://localhost:5184", { transports: ["websocket"] });
socket.on("tick", (number) => {
  document.getElementById("last").textContent = number;
});
