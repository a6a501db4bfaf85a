// What the page speaks to: ten ticks a second, and pings every second instead of every 25.
import { Server } from "socket.io";

const server = new Server(5184, {
  cors: { origin: "*" },
  pingInterval: 1000,
  pingTimeout: 2000,
});
let number = 0;
setInterval(() => {
  number += 1;
  server.emit("tick", number);
}, 100);
