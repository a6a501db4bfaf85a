// toxiproxy-node-client drives the control API.
//
// usage: node drive.mjs API_HOST:PORT ECHO_HOST:PORT
import assert from "node:assert/strict";
import net from "node:net";
import { Toxiproxy } from "toxiproxy-node-client";

const [api, echo] = process.argv.slice(2);

// Milliseconds until `ping` has come back, or how it ended instead.
function roundTrip(address, patience = 5000) {
  const [host, port] = address.split(":");
  return new Promise((resolve) => {
    const begun = performance.now();
    const socket = net.connect(Number(port), host);
    const end = (how) => {
      socket.destroy();
      resolve(how);
    };
    socket.on("connect", () => socket.write("ping"));
    socket.on("data", () => end(performance.now() - begun));
    socket.on("error", (error) => end(error.code));
    socket.on("close", () => end("closed"));
    socket.setTimeout(patience, () => end("silence"));
  });
}

const client = new Toxiproxy(`http://${api}`);
assert.match(await client.getVersion(), /version/);
const proxy = await client.createProxy({ name: "node", listen: "127.0.0.1:0", upstream: echo });
assert.equal(proxy.enabled, true);
assert.equal(typeof (await roundTrip(proxy.listen)), "number");
await assert.rejects(client.createProxy({ name: "node", listen: "127.0.0.1:0", upstream: echo }));
await assert.rejects(client.get("absent"));

const toxic = await proxy.addToxic({
  name: "lag",
  type: "latency",
  stream: "downstream",
  toxicity: 1,
  attributes: { latency: 150, jitter: 0 },
});
assert.deepEqual(toxic.attributes, { latency: 150, jitter: 0 });
assert.ok((await roundTrip(proxy.listen)) >= 149);
const updated = await toxic.update({ toxicity: 0.5, attributes: { latency: 1 } });
assert.equal(updated.toxicity, 0.5);
assert.equal((await proxy.getToxic("lag")).attributes.latency, 1);
await toxic.remove();
await assert.rejects(proxy.getToxic("lag"));

await proxy.addToxic({ name: "rst", type: "reset_peer", stream: "downstream", toxicity: 1, attributes: { timeout: 0 } });
assert.equal(await roundTrip(proxy.listen), "ECONNRESET");
await client.reset();
assert.equal(typeof (await roundTrip(proxy.listen)), "number");

const off = await proxy.update({ enabled: false, listen: proxy.listen, upstream: echo });
assert.equal(off.enabled, false);
assert.equal(await roundTrip(proxy.listen), "ECONNREFUSED");
const populated = await client.populate([
  { name: "node", listen: proxy.listen, upstream: echo },
  { name: "more", listen: "127.0.0.1:0", upstream: echo },
]);
assert.deepEqual(Object.keys(populated), ["node", "more"]);
assert.equal(typeof (await roundTrip(populated.more.listen)), "number");
for (const each of Object.values(await client.getAll())) await each.remove();
assert.deepEqual(await client.getAll(), {});
console.log("done");
