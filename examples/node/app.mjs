// A small web app to run behind dynlb, in one file and without dependencies. To
// make an app of your own fit, two things are needed: it listens on the port it
// is given, and GET /health answers 200 when it can take requests. The rest is
// here to have something to look at, and to show how to stop without losing a
// request.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

// config.yaml has dynlb pass --port N; it sets PORT in the environment too.
const { values } = parseArgs({ options: { port: { type: "string" } } });
const port = Number(values.port ?? process.env.PORT ?? 3000);

const maxEcho = 1 << 20; // bytes of body that /echo puts into its JSON
const stopping = new AbortController(); // aborted when the app has been asked to stop
const sockets = new Set(); // the open WebSockets
const unused = new Set(); // the connections that have not carried a request yet

const routes = {
  "/health": (req, res) => res.end("ok"),

  "/": (req, res) => text(res, `Hello from Node on port ${port}, pid ${process.pid}`),

  // Answers after ?ms= milliseconds, to make load with.
  "/slow": async (req, res, url) => {
    const ms = milliseconds(url, 1000, 0);
    if (ms === undefined) return badMs(res, 0);
    await sleep(ms, undefined, { signal: gone(res) });
    text(res, `slept ${ms} ms`);
  },

  // Server-sent events, one every ?ms= milliseconds, until the client leaves.
  "/sse": async (req, res, url) => {
    const ms = milliseconds(url, 1000, 10);
    if (ms === undefined) return badMs(res, 10);
    res.setHeader("content-type", "text/event-stream");
    res.setHeader("cache-control", "no-cache");
    // Never-ending responses end when the app stops: otherwise it could not.
    const signal = AbortSignal.any([gone(res), stopping.signal]);
    for (let n = 1; !signal.aborted; n++) {
      // write() is false when the client reads too slowly: wait for it.
      const ok = res.write(`data: tick ${n} from port ${port}\n\n`);
      if (!ok) await once(res, "drain", { signal }).catch(() => {});
      await sleep(ms, undefined, { signal }).catch(() => {});
    }
    res.end();
  },

  // Reached without an upgrade only; see "upgrade" below.
  "/ws": (req, res) => {
    res.setHeader("upgrade", "websocket");
    text(res, "this path speaks WebSocket", 426);
  },

  // Tells what it was sent, as JSON; POST /echo?raw=1 streams the body back.
  "/echo": async (req, res, url) => {
    if (req.method === "POST" && url.searchParams.get("raw") === "1") {
      res.setHeader("content-type", req.headers["content-type"] ?? "application/octet-stream");
      return pipeline(req, res);
    }
    const chunks = [];
    let size = 0;
    for await (const chunk of req) {
      size += chunk.length;
      if (size > maxEcho) {
        res.setHeader("connection", "close"); // the rest of the body stays unread
        return text(res, `the body is over ${maxEcho} bytes`, 413);
      }
      chunks.push(chunk);
    }
    const headers = {};
    for (const [name, lines] of Object.entries(req.headersDistinct)) headers[name] = lines.join(", ");
    const body = Buffer.concat(chunks).toString();
    res.setHeader("content-type", "application/json");
    res.end(JSON.stringify({ method: req.method, target: req.url, headers, body }));
  },
};

const server = createServer(async (req, res) => {
  unused.delete(req.socket);
  // Node keeps a connection open after its last response: not while stopping.
  res.on("close", () => stopping.signal.aborted && req.socket.end());
  try {
    const url = new URL(req.url, "http://localhost");
    const route = Object.hasOwn(routes, url.pathname) ? routes[url.pathname] : undefined;
    if (route) await route(req, res, url);
    else text(res, "not found", 404);
  } catch (err) {
    // A client that leaves halfway is no error of the app.
    if (res.destroyed) return;
    console.error(err);
    if (res.headersSent) res.destroy();
    else text(res, "internal error", 500);
  }
});

server.on("connection", (socket) => {
  unused.add(socket);
  socket.on("close", () => unused.delete(socket));
});

// Node has no WebSocket server of its own, so here is an echo by hand (RFC 6455).
// An app with more to say would use the package ws.
server.on("upgrade", (req, socket, head) => {
  socket.on("error", () => socket.destroy());
  const key = req.headers["sec-websocket-key"];
  if (!key || new URL(req.url, "http://localhost").pathname !== "/ws") {
    return socket.end("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  }
  const accept = createHash("sha1").update(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n" +
      `sec-websocket-accept: ${accept}\r\n\r\n`,
  );
  unused.delete(socket);
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
  echoFrames(socket, head).catch(() => socket.destroy());
});

// Sends each frame back as it came, so that a message in several frames stays
// one; answers a ping with a pong, and a close with a close. It throws when the
// client leaves.
async function echoFrames(socket, buffered) {
  const chunks = socket[Symbol.asyncIterator]();
  const take = async (n) => {
    while (buffered.length < n) {
      const { value, done } = await chunks.next();
      if (done) throw new Error("the client has left");
      buffered = Buffer.concat([buffered, value]);
    }
    const bytes = buffered.subarray(0, n);
    buffered = buffered.subarray(n);
    return bytes;
  };
  for (;;) {
    const [first, second] = await take(2);
    const opcode = first & 0x0f;
    let size = second & 0x7f;
    if (size === 126) size = (await take(2)).readUInt16BE();
    else if (size === 127) size = Number((await take(8)).readBigUInt64BE());
    if (second < 0x80 || size > maxEcho) {
      socket.end(closeFrame(second < 0x80 ? 1002 : 1009));
      while (!(await chunks.next()).done); // until the client has left
      return;
    }
    const mask = await take(4);
    const payload = (await take(size)).map((byte, i) => byte ^ mask[i & 3]);
    if (socket.writableEnded || opcode === 10) continue; // closed on this side, or a pong
    if (opcode === 8) {
      socket.end(frame(0x88, payload));
    } else if (!socket.write(frame(opcode === 9 ? 0x8a : first, payload))) {
      await once(socket, "drain"); // the client reads too slowly: wait for it
    }
  }
}

function frame(first, payload) {
  const head = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65536 ? 4 : 10);
  head[0] = first;
  head[1] = head.length === 2 ? payload.length : head.length === 4 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(payload.length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}

// A close frame with a status of RFC 6455, section 7.4.1.
function closeFrame(status) {
  return frame(0x88, Buffer.from([status >> 8, status & 0xff]));
}

server.on("error", (err) => {
  console.error(`cannot listen on port ${port}: ${err.message}`);
  process.exit(1);
});
// Only dynlb talks to the app, and it does so on this machine.
server.listen(port, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${port}/`));

// dynlb sends SIGTERM once no request is in flight, and SIGKILL when the app is
// still there 5 s later. On its own, Node would end at once and drop what it is
// doing; close() takes no new requests and waits for the ones it has.
process.once("SIGTERM", stop);
process.once("SIGINT", stop);

function stop() {
  stopping.abort();
  for (const socket of unused) socket.destroy(); // close() would wait for a request on them
  for (const socket of sockets) socket.end(closeFrame(1001));
  setTimeout(() => process.exit(1), 4000).unref(); // something hangs: give up
  server.close(() => process.exit(0));
}

function text(res, body, status = 200) {
  res.statusCode = status;
  res.setHeader("content-type", "text/plain; charset=utf-8");
  res.end(body + "\n");
}

// The ?ms= of a URL, or undefined when it is not a whole number in bounds.
function milliseconds(url, unset, min) {
  const value = url.searchParams.get("ms") || String(unset);
  const ms = Number(value);
  return /^\d+$/.test(value) && ms >= min && ms <= 60000 ? ms : undefined;
}

function badMs(res, min) {
  text(res, `ms must be a whole number from ${min} to 60000`, 400);
}

// A signal that is aborted when the client has gone.
function gone(res) {
  const client = new AbortController();
  res.on("close", () => client.abort());
  return client.signal;
}
