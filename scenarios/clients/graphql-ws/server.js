// A subscription that counts for each that asks for it, as graphql-ws' README shows.
import { GraphQLInt, GraphQLObjectType, GraphQLSchema, GraphQLString } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { WebSocketServer } from "ws";

async function* ticks() {
  const session = randomUUID();
  for (let seq = 1; ; seq += 1) {
    await setTimeout(Number(process.env.CHAOS_TICK_MS));
    yield { tick: { seq, session } };
  }
}

const tick = new GraphQLObjectType({
  name: "Tick",
  fields: { seq: { type: GraphQLInt }, session: { type: GraphQLString } },
});
const query = new GraphQLObjectType({ name: "Query", fields: { none: { type: GraphQLInt } } });
const subscription = new GraphQLObjectType({
  name: "Subscription",
  fields: { tick: { type: tick, subscribe: ticks } },
});
const schema = new GraphQLSchema({ query, subscription });
const server = useServer({ schema }, new WebSocketServer({ port: Number(process.env.PORT) }));
process.on("SIGTERM", async () => {
  await server.dispose(); // which says 1001 to everyone
  process.exit();
});
