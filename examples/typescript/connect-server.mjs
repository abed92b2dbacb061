// An app of Connect for dynlb: `node connect-server.mjs PORT`. It speaks HTTP/2 in clear text.
import http2 from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { Echo } from "./echo.mjs";

const routes = (router) =>
  router.service(Echo, {
    async say({ text }, { signal, responseTrailer }) {
      if (text === "fail") throw new ConnectError("nothing here", Code.NotFound, { "x-why": "a test" });
      if (text === "slow") await new Promise((_, late) => signal.addEventListener("abort", () => late(signal.reason)));
      responseTrailer.set("x-instance", String(process.pid));
      return { text };
    },
    async sum(texts) {
      let n = 0;
      for await (const _ of texts) n++;
      return { text: String(n) };
    },
    async *count({ text }) {
      for (let i = 0; i < Number(text); i++) yield { text: String(i) };
    },
    async *chat(texts) {
      yield* texts;
    },
  });
const fallback = (_, response) => response.writeHead(200).end(); // the health check
const server = http2.createServer(connectNodeAdapter({ routes, fallback }));
server.listen(Number(process.argv[2]), "127.0.0.1");
process.on("SIGTERM", () => server.close(() => process.exit(0)));
