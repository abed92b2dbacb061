// Has Chromium, Node, Bun and curl use an app behind a dynlb with HTTPS and HTTP/2:
//
//   node check.mjs ../../bin/dynlb
//
// It prints a line for each thing that was tried, and exits with 1 if one has failed.
// Clients that are not installed are left out.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:http2";
import { request } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), "dynlb-browser-"));
const app = join(dirname(fileURLToPath(import.meta.url)), "server.mjs");
const port = await new Promise(done => {
  const probe = createServer().listen(0, "127.0.0.1", () => { const { port } = probe.address(); probe.close(() => done(port)); });
});
const url = `https://localhost:${port}`;
writeFileSync(join(dir, "config.yaml"), JSON.stringify({
  listen: `127.0.0.1:${port}`, admin: "127.0.0.1:0", adminHTTP: "127.0.0.1:0", basePort: port + 100, minInstances: 1, maxInstances: 1,
  command: [process.execPath, app], tls: { internal: true, storage: join(dir, "state"), http2: true }, accessLog: { to: join(dir, "access.log") },
}));
const dynlb = spawn(process.argv[2] ?? "dynlb", ["serve", "--config", join(dir, "config.yaml")], { stdio: ["ignore", "ignore", "pipe"] });
let log = "";
dynlb.stderr.on("data", text => { log += text; });

let failed = false;
const check = async (name, want, client) => {
  let got;
  try { got = await client(); } catch (e) { got = String(e); }
  if (got === undefined) return console.log(`${name}: not installed`);
  const ok = want.test(got);
  failed ||= !ok;
  console.log(`${name}: ${ok ? "" : "FAILED: "}${got.trim().split("\n").join(", ")}`);
};
const optional = async (...command) => {
  try { return (await run(command[0], command.slice(1), { timeout: 300000, env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: "0" } })).stdout; } catch (e) {
    if (e.code === "ENOENT") return undefined;
    throw e;
  }
};

const overHTTP2 = () => new Promise((done, failed) => {
  const session = connect(url, { rejectUnauthorized: false }).on("error", failed);
  let left = 100, good = 0;
  for (let i = 0; i < 100; i++) {
    const stream = session.request({ ":path": "/upload", ":method": "POST" });
    let text = "";
    stream.on("data", d => { text += d; }).on("error", failed);
    stream.on("end", () => {
      good += text === "100000 bytes";
      if (--left === 0) session.close(() => done(`${session.alpnProtocol ?? "h2"} ${good} of 100 uploads`));
    });
    stream.end("x".repeat(100000));
  }
});
const webSocketOverHTTP2 = () => new Promise((done, failed) => {
  const session = connect(url, { rejectUnauthorized: false }).on("error", failed);
  session.on("remoteSettings", ({ enableConnectProtocol }) => {
    if (!enableConnectProtocol) return failed("no SETTINGS_ENABLE_CONNECT_PROTOCOL");
    const stream = session.request({ ":method": "CONNECT", ":protocol": "websocket", ":path": "/ws", "sec-websocket-version": "13" }, { endStream: false });
    let status, text = "";
    stream.on("error", failed).on("response", h => { status = h[":status"]; });
    stream.on("data", d => { text += d.subarray(2); stream.close(); session.close(() => done(`${status} ${text}`)); });
    stream.write(Buffer.concat([Buffer.from([0x81, 0x85, 0, 0, 0, 0]), Buffer.from("hello")])); // a text frame with a mask of zeros
  });
});
const overHTTP1 = () => new Promise((done, failed) => {
  request(`${url}/health`, { rejectUnauthorized: false }, r => {
    let text = "";
    r.on("data", d => { text += d; }).on("end", () => done(`HTTP/${r.httpVersion} ${r.statusCode} ${text}`));
  }).on("error", failed).end();
});
const bun = `const a = await Promise.all(Array.from({length: 20}, (_, i) => fetch("${url}/upload", {method: "POST", body: "x".repeat(1000 + i), tls: {rejectUnauthorized: false}}).then(r => r.text())));
console.log(new Set(a).size + " uploads");
const s = new WebSocket("${url.replace("https", "wss")}/ws", {tls: {rejectUnauthorized: false}});
s.onopen = () => s.send("hello"); s.onmessage = e => { console.log(e.data); s.close(); process.exit(0); };`;
const curl = (...flags) => optional("curl", "-sSk", "--noproxy", "*", "--resolve", `localhost:${port}:127.0.0.1`, ...flags, "-w", " HTTP/%{http_version} %{http_code}\n");

try {
  for (let i = 0; ; i++) { // until the app answers
    const answer = await overHTTP1().catch(String);
    if (answer.endsWith("200 ok")) break;
    if (i === 300) throw new Error(`dynlb does not serve: ${answer}\n${log}`);
    await new Promise(r => setTimeout(r, 100));
  }
  await check("chromium", /page: h2\nsse: 1 2 3\nwebsocket: hello\nupload: 200 50000 bytes\nparallel: 50/, async () => {
    const dom = await optional("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--ignore-certificate-errors",
      `--user-data-dir=${join(dir, "chromium")}`, "--host-resolver-rules=MAP localhost 127.0.0.1", "--dump-dom", `${url}/`);
    return dom && (dom.match(/<pre[^>]*>([^]*)<\/pre>/)?.[1] ?? dom);
  });
  await check("chromium, WebSocket", /"protocol":"HTTP\/2.0","status":101/, async () => readFileSync(join(dir, "access.log"), "utf8").split("\n").filter(line => line.includes("/ws")).join("\n"));
  await check("node, HTTP/2", /100 of 100/, overHTTP2);
  await check("node, WebSocket over HTTP/2", /^200 hello/, webSocketOverHTTP2);
  await check("node, HTTP/1.1", /^HTTP\/1.1 200 ok/, overHTTP1);
  await check("bun", /20 uploads\nhello/, () => optional("bun", "-e", bun));
  await check("curl", /^ok HTTP\/2 200/, () => curl(`${url}/health`));
  await check("curl, upload", /^1000000 bytes HTTP\/2 200/, () => {
    writeFileSync(join(dir, "content"), "x".repeat(1000000));
    return curl("-T", join(dir, "content"), "-X", "POST", `${url}/upload`);
  });
  await check("curl, HTTP/1.1", /^ok HTTP\/1.1 200/, () => curl("--http1.1", `${url}/health`));
} finally {
  dynlb.kill("SIGTERM");
  await new Promise(done => dynlb.once("exit", done));
  if (failed) console.log(log);
  rmSync(dir, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
