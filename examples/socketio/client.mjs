// 12 clients ask over polling, each keeping its cookies, and print what happened:
// node client.mjs http://localhost:4000 [SECONDS]. Run `dynlb restart` meanwhile.
import { io } from "socket.io-client";
const url = process.argv[2], seconds = Number(process.argv[3] ?? 12);
let answers = 0, wrong = 0, disconnects = 0, errors = {};
const pids = new Set(), now = [];
const end = Date.now() + seconds * 1000;
const run = (k) => new Promise((resolve) => {
  const s = io(url, { transports: ["polling"], withCredentials: true, forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200 });
  s.on("disconnect", (why) => { if (Date.now() < end) { disconnects++; errors[why] = (errors[why] ?? 0) + 1; } });
  s.on("connect_error", (e) => { errors[e.message] = (errors[e.message] ?? 0) + 1; });
  let n = 0;
  const next = () => {
    if (Date.now() > end) { s.disconnect(); return resolve(); }
    s.timeout(1500).emit("echo", ++n, (err, m, pid) => {
      if (err) return setTimeout(next, 20);
      answers++; pids.add(pid); if (m !== n) wrong++;
      setTimeout(next, 20);
    });
  };
  next();
});
await Promise.all(Array.from({ length: 12 }, (_, k) => run(k)));
console.log(JSON.stringify({ answers, wrong, processes: pids.size, disconnects, errors }));
process.exit(0);
