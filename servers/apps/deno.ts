Deno.serve({ port: Number(Deno.args[0]), hostname: "127.0.0.1" }, async (request) => {
  if (new URL(request.url).pathname === "/wait") await new Promise((done) => setTimeout(done, 2000));
  if (request.method === "POST") return new Response(`${(await request.arrayBuffer()).byteLength}\n`);
  return new Response("hello\n");
});
