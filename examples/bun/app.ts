// A small web app to run behind dynlb, in one file. To make an app of your own
// fit, two things are needed: it listens on the port it is given, and
// GET /health answers 200 when it can take requests. The rest is here to have
// something to look at, and to show how to stop without losing a request.
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

// dynlb starts `bun run app.ts --port N`, and sets PORT in the environment too.
const { values } = parseArgs({ options: { port: { type: "string" } } });

const maxEcho = 1 << 20; // bytes of body that /echo puts into its JSON
const stopping = new AbortController(); // aborted when the app has been asked to stop
const sockets = new Set<{ close(code: number, reason: string): void }>();

const server = Bun.serve({
  port: Number(values.port ?? process.env.PORT ?? 3000),
  // Only dynlb talks to the app, and it does so on this machine.
  hostname: "127.0.0.1",
  // Bun refuses bodies over 128 MiB; /echo?raw=1 streams, so size is no matter.
  maxRequestBodySize: Number.MAX_SAFE_INTEGER,

  routes: {
    "/health": () => new Response("ok"),

    "/": () => text(`Hello from Bun on port ${server.port}, pid ${process.pid}`),

    // Answers after ?ms= milliseconds, to make load with.
    "/slow": async (req) => {
      const ms = milliseconds(req, 1000, 0);
      if (ms instanceof Response) return ms;
      // Without this, Bun closes a connection that has been silent for 10 s,
      // and the client gets no response at all.
      server.timeout(req, 0);
      // The signal ends the wait when the client has gone.
      await sleep(ms, undefined, { signal: req.signal }).catch(() => {});
      return text(`slept ${ms} ms`);
    },

    // Server-sent events, one every ?ms= milliseconds, until the client leaves.
    "/sse": (req) => {
      const ms = milliseconds(req, 1000, 10);
      if (ms instanceof Response) return ms;
      server.timeout(req, 0);
      // Never-ending responses end when the app stops: otherwise it could not.
      const signal = AbortSignal.any([req.signal, stopping.signal]);
      async function* ticks() {
        for (let n = 1; !signal.aborted; n++) {
          yield `data: tick ${n} from port ${server.port}\n\n`;
          await sleep(ms as number, undefined, { signal }).catch(() => {});
        }
      }
      return new Response(ticks(), {
        headers: { "content-type": "text/event-stream", "cache-control": "no-cache" },
      });
    },

    // Sends every WebSocket message back; see `websocket` below.
    "/ws": (req) => {
      if (server.upgrade(req)) return; // the connection is a WebSocket from here on
      return text("this path speaks WebSocket", 426, { upgrade: "websocket" });
    },

    // Tells what it was sent, as JSON; POST /echo?raw=1 streams the body back.
    "/echo": async (req) => {
      const url = new URL(req.url);
      if (req.method === "POST" && url.searchParams.get("raw") === "1") {
        const type = req.headers.get("content-type") ?? "application/octet-stream";
        return new Response(req.body, { headers: { "content-type": type } });
      }
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of req.body ?? []) {
        size += chunk.length;
        if (size > maxEcho) return text(`the body is over ${maxEcho} bytes`, 413);
        chunks.push(chunk);
      }
      return Response.json({
        method: req.method,
        target: url.pathname + url.search,
        headers: Object.fromEntries(req.headers),
        body: Buffer.concat(chunks).toString(),
      });
    },
  },

  // Every path that is not a route.
  fetch: () => text("not found", 404),

  websocket: {
    maxPayloadLength: maxEcho,
    open: (ws) => void sockets.add(ws),
    message: (ws, message) => void ws.send(message),
    close: (ws) => void sockets.delete(ws),
  },
});

console.log(`listening on ${server.url}`);

// dynlb sends SIGTERM once no request is in flight, and SIGKILL when the app is
// still there 5 s later. On its own, Bun would end at once and drop what it is
// doing; stop() takes no new requests and waits for the ones it has.
process.once("SIGTERM", stop);
process.once("SIGINT", stop);

async function stop() {
  stopping.abort();
  for (const ws of sockets) ws.close(1001, "the app is stopping");
  setTimeout(() => process.exit(1), 4000).unref(); // something hangs: give up
  await server.stop();
  process.exit(0);
}

function text(body: string, status = 200, headers: Record<string, string> = {}) {
  return new Response(body + "\n", { status, headers });
}

// The ?ms= of a request, or the response that says what is wrong with it.
function milliseconds(req: Request, unset: number, min: number): number | Response {
  const value = new URL(req.url).searchParams.get("ms") || String(unset);
  const ms = Number(value);
  if (/^\d+$/.test(value) && ms >= min && ms <= 60000) return ms;
  return text(`ms must be a whole number from ${min} to 60000`, 400);
}
