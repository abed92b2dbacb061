import { createServer } from "node:http";

createServer((request, response) => {
  let length = 0;
  request.on("data", (chunk) => (length += chunk.length));
  request.on("end", () => {
    const content = request.method === "POST" ? `${length}\n` : "hello\n";
    const answer = () => response.writeHead(200, { "Content-Length": content.length }).end(content);
    if (request.url === "/wait") setTimeout(answer, 2000);
    else answer();
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
