// Runs in the page before the page's own scripts: says which WebSockets are made, and by which
// close code each ended, which DevTools do not tell; lets the page say more (`chaos.report`); and
// holds the page's first dial until its run begins.
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
  // Filled in by the driver: every `host:port` that counts.
  const ours = ["{ours}"];
  const hold = (address) => {
    const { hostname, port } = new URL(address, location.href);
    if (isFirst && ours.includes(`${hostname}:${port || 80}`)) {
      isFirst = false;
      // Only while the driver has its debugger on, which is until the run begins.
      // biome-ignore lint/suspicious/noDebugger: the one way to hold a page without changing it
      debugger;
    }
  };
  const listen = EventTarget.prototype.addEventListener;
  let count = 0;
  let isFirst = true;
  const Watched = new Proxy(Own, {
    construct(target, args, newTarget) {
      try {
        hold(args[0]);
      } catch {
        // It is no address, which the constructor says.
      }
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
