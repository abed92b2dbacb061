// The app that the soak runs behind dynlb. Every answer is made from the
// request's id, so that the client can tell an answer that is not its own, and
// every POST that was carried out is on record before it is answered.
import { openSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { port: { type: "string" } } });

// One file per instance. A line that was written is there even if the instance
// is killed the moment after: the kernel has it.
const ledger = openSync(`${process.env.SOAK_LEDGER}/${values.port}-${process.pid}`, "a");

const pattern = (id: string, size: number) => `${id} `.repeat(size / (id.length + 1) + 1).slice(0, size);

async function order(req: Bun.BunRequest<"/order/:id">) {
  const { id } = req.params;
  const content = await req.text();
  if (!content || content !== pattern(id, content.length)) return new Response("not my body", { status: 400 });
  writeSync(ledger, `${id} ${process.pid}\n`);
  return new Response(`ordered ${id}`, { headers: { "X-Soak-Id": id } });
}

const stopping = new AbortController(); // aborted when the app has been asked to stop
const sockets = new Set<{ close(code: number, reason: string): void }>();

const server = Bun.serve({
  port: Number(values.port),
  hostname: "127.0.0.1",

  routes: {
    "/health": () => new Response("ok"),

    // ?size= bytes of the id over and over, after ?ms= milliseconds; or ?status= alone.
    "/item/:id": async (req) => {
      const query = new URL(req.url).searchParams;
      const ms = Number(query.get("ms"));
      if (ms > 0) await sleep(ms);
      const size = Number(query.get("size"));
      const status = Number(query.get("status"));
      const headers = { "X-Soak-Id": req.params.id };
      if (status) return new Response(null, { status, headers });
      return new Response(pattern(req.params.id, size), { headers });
    },

    // Records the id, once per time that it is carried out.
    "/order/:id": { POST: order, PUT: order },

    // Takes a body and keeps nothing, for clients that do not finish theirs.
    "/discard": async (req) => {
      await req.arrayBuffer().catch(() => {});
      return new Response("gone");
    },

    // Megabytes, for clients that do not read them.
    "/big": () => new Response(new Uint8Array(8 << 20)),

    // Numbered events, five a second, until the client leaves or the app stops.
    "/events/:id": (req) => {
      server.timeout(req, 0);
      const { id } = req.params;
      const signal = AbortSignal.any([req.signal, stopping.signal]);
      async function* events() {
        for (let n = 1; !signal.aborted; n++) {
          yield `data: ${id} ${n}\n\n`;
          await sleep(200, undefined, { signal }).catch(() => {});
        }
      }
      return new Response(events(), { headers: { "content-type": "text/event-stream" } });
    },

    // Sends every WebSocket message back.
    "/socket": (req) => {
      if (server.upgrade(req)) return;
      return new Response("this path speaks WebSocket", { status: 426 });
    },
  },

  fetch: () => new Response("not found", { status: 404 }),

  websocket: {
    open: (ws) => void sockets.add(ws),
    message: (ws, message) => void ws.send(message),
    close: (ws) => void sockets.delete(ws),
  },
});

// Streams end when the app stops, with their proper ends; requests finish.
process.once("SIGTERM", async () => {
  stopping.abort();
  for (const ws of sockets) ws.close(1001, "the app is stopping");
  setTimeout(() => process.exit(1), 1500).unref(); // something hangs: give up
  await server.stop();
  process.exit(0);
});
