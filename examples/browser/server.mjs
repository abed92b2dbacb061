// An app for a browser to try: a page whose script uses fetch, server-sent events, a
// WebSocket and an upload that it streams. Only with HTTP/2 do browsers stream uploads.
import { createHash } from "node:crypto";
import { createServer } from "node:http";

const page = `<!doctype html><title>dynlb</title><pre id=results></pre><img src=/wait hidden>
<script type=module>
const lines = [];
const check = async (name, run) => {
  const late = new Promise((_, failed) => setTimeout(() => failed(new Error("takes too long")), 120000));
  try { lines.push(name + ": " + await Promise.race([run(), late])); } catch (e) { lines.push(name + " FAILED: " + e); }
};
await check("page", () => performance.getEntriesByType("navigation")[0].nextHopProtocol);
await check("sse", () => new Promise((done, failed) => {
  const source = new EventSource("/sse"), got = [];
  source.onmessage = e => { got.push(e.data); if (got.length === 3) { source.close(); done(got.join(" ")); } };
  source.onerror = () => failed(new Error("broken off"));
}));
await check("websocket", () => new Promise((done, failed) => {
  const socket = new WebSocket("wss://" + location.host + "/ws");
  socket.onopen = () => socket.send("hello");
  socket.onmessage = e => { socket.close(); done(e.data); };
  socket.onerror = () => failed(new Error("broken off"));
}));
await check("upload", async () => {
  let n = 0;
  const body = new ReadableStream({ async pull(c) {
    if (n++ === 5) return c.close();
    await new Promise(r => setTimeout(r, 100));
    c.enqueue(new TextEncoder().encode("x".repeat(10000)));
  } });
  const response = await fetch("/upload", { method: "POST", body, duplex: "half" });
  return response.status + " " + await response.text();
});
await check("parallel", async () => {
  const all = await Promise.all(Array.from({ length: 50 }, (_, i) => fetch("/health?" + i).then(r => r.text())));
  return all.filter(text => text === "ok").length;
});
document.getElementById("results").textContent = lines.join("\\n");
await fetch("/result", { method: "POST" });
</script>`;

let finish;
const finished = new Promise(r => { finish = r; }); // when the page has its results

const server = createServer(async (request, response) => {
  switch (request.url.split("?")[0]) {
    case "/health": return response.end("ok");
    case "/": return response.writeHead(200, { "Content-Type": "text/html" }).end(page);
    case "/wait": // the load of the page ends with this picture
      await finished;
      return response.writeHead(204).end();
    case "/result": finish(); return response.end();
    case "/sse": {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      let n = 0;
      const timer = setInterval(() => response.write(`data: ${++n}\n\n`), 50);
      return response.on("close", () => clearInterval(timer));
    }
    case "/upload": {
      let bytes = 0;
      for await (const chunk of request) bytes += chunk.length;
      return response.end(`${bytes} bytes`);
    }
    default: return response.writeHead(404).end();
  }
});

// A WebSocket that sends each message back; messages are shorter than 126 bytes.
server.on("upgrade", (request, socket) => {
  const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.on("error", () => {});
  socket.on("data", frame => {
    const size = frame[1] & 127, mask = frame.subarray(2, 6);
    const text = Buffer.from(frame.subarray(6, 6 + size).map((byte, i) => byte ^ mask[i % 4]));
    socket.write(Buffer.concat([Buffer.from([frame[0], size]), text]));
    if ((frame[0] & 15) === 8) socket.end();
  });
});

process.on("SIGTERM", () => { server.close(); server.closeAllConnections(); });
server.listen(process.env.PORT, "127.0.0.1");
