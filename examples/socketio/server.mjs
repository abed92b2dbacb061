// A socket.io server. It keeps the state of a session in memory, so all requests of one
// must reach the same instance: see sticky in config.yaml.
import { createServer } from "node:http";
import { Server } from "socket.io";
const http = createServer((q, r) => { if (q.url === "/health") return r.end("ok"); r.writeHead(404); r.end(); });
const io = new Server(http, { pingInterval: 2000, pingTimeout: 4000 });
io.on("connection", (s) => s.on("echo", (n, done) => done(n, process.pid)));
process.on("SIGTERM", () => { io.close(); setTimeout(() => process.exit(0), 300); });
http.listen(process.env.DYNLB_SOCKET);
