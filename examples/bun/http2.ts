// An app of Bun that speaks HTTP/2 to dynlb: `bun run http2.ts PORT`, with `protocol: h2c`.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  http2: true,
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/stream") {
      const content = new ReadableStream({
        async pull(controller) {
          for (let i = 0; i < 3; i++) {
            controller.enqueue(`part ${i}\n`);
            await Bun.sleep(1);
          }
          controller.close();
        },
      });
      return new Response(content, { headers: { "content-type": "text/plain" } });
    }
    return Response.json({ method: request.method, path: pathname, size: (await request.arrayBuffer()).byteLength, pid: process.pid });
  },
});
process.on("SIGTERM", async () => {
  await server.stop();
  process.exit(0);
});
