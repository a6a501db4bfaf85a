// Runs in the page before the page's own scripts: says which WebSockets are made, and by which
// close code each ended, which DevTools do not tell; and lets the page say more (`chaos.report`).
//
// Invariant: to the page its WebSocket is the browser's own, in all that it can do with it.
(() => {
  const binding = globalThis.__chaosTell;
  if (typeof binding !== "function" || globalThis.chaos !== undefined) {
    return;
  }
  delete globalThis.__chaosTell;
  const tell = (what) => binding(JSON.stringify(what));
  const report = (event) => tell({ report: event });
  Object.defineProperty(globalThis, "chaos", { value: Object.freeze({ report }) });

  const Own = globalThis.WebSocket;
  if (Own === undefined) {
    return;
  }
  const listen = EventTarget.prototype.addEventListener;
  let count = 0;
  const Watched = new Proxy(Own, {
    construct(target, args, newTarget) {
      const socket = Reflect.construct(target, args, newTarget);
      count += 1;
      const id = count;
      tell({ created: id, url: socket.url });
      listen.call(socket, "close", ({ code }) => tell({ closed: id, code }), { once: true });
      return socket;
    },
  });
  Own.prototype.constructor = Watched;
  globalThis.WebSocket = Watched;
})();
