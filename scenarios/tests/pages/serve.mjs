// Serves this folder on the port that it is told. `{socket}` in a page is where its WebSocket goes;
// `/client/FLAW` is the client with this bad habit, or with none.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const [port, socket] = process.argv.slice(2);

createServer((request, response) => {
  const [path, query = ""] = (request.url ?? "/").slice(1).split("?");
  const [name, flaw = ""] = path.split("/");
  try {
    const page = readFileSync(join(import.meta.dirname, `${name}.html`), "utf8");
    response.setHeader("content-type", "text/html");
    response.end(page.replaceAll("{socket}", query || socket).replaceAll("{flaw}", flaw));
  } catch {
    response.statusCode = 404;
    response.end();
  }
}).listen(Number(port), "127.0.0.1");
