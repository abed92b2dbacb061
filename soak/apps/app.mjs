// The app that the soak runs on Node. Every POST and PUT is on record before it is
// answered.
import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http";

const port = Number(process.argv[2]);
const ledger = openSync(`${process.env.SOAK_LEDGER}/${port}-${process.pid}`, "a");

const pattern = (id, size) => `${id} `.repeat(size / (id.length + 1) + 1).slice(0, size);

createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  const [, kind, id = ""] = url.pathname.split("/");
  const answer = (status, content) =>
    response.writeHead(status, { "X-Soak-Id": id, "Content-Length": content.length }).end(content);
  if (kind === "item") {
    const content = pattern(id, Number(url.searchParams.get("size")));
    const status = Number(url.searchParams.get("status"));
    setTimeout(
      () => (status ? response.writeHead(status, { "X-Soak-Id": id }).end() : answer(200, content)),
      Number(url.searchParams.get("ms")),
    );
  } else if (kind === "order") {
    let received = "";
    request.setEncoding("latin1");
    request.on("data", (chunk) => (received += chunk));
    request.on("end", () => {
      if (!received || received !== pattern(id, received.length)) return answer(400, "not my body");
      writeSync(ledger, `${id} ${process.pid}\n`);
      answer(200, `ordered ${id}`);
    });
  } else {
    answer(200, "ok");
  }
}).listen(port, "127.0.0.1");
