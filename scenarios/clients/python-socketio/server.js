// A server of Socket.IO that counts for each of its sockets.
import { Server } from "socket.io";

const server = new Server(Number(process.env.PORT), {
  pingInterval: 1000, // instead of 25 s and 20 s, so that cases about silence are short
  pingTimeout: 2000,
});
server.on("connection", (socket) => {
  let seq = 0;
  const timer = setInterval(() => {
    seq += 1;
    socket.emit("tick", { seq, session: socket.id });
  }, Number(process.env.CHAOS_TICK_MS));
  socket.on("disconnect", () => clearInterval(timer));
});
process.on("SIGTERM", () => process.exit());
