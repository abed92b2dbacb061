Bun.serve({
  port: Number(process.argv[2]),
  hostname: "127.0.0.1",
  async fetch(request) {
    if (new URL(request.url).pathname === "/wait") await Bun.sleep(2000);
    if (request.method === "POST") return new Response(`${(await request.arrayBuffer()).byteLength}\n`);
    return new Response("hello\n");
  },
});
