import Hapi from "@hapi/hapi";

const server = Hapi.server({ port: Number(process.argv[2]), host: "127.0.0.1" });
server.route({
  method: "GET",
  path: "/{path*}",
  handler: async (request) => {
    if (request.path === "/wait") await new Promise((done) => setTimeout(done, 2000));
    return "hello\n";
  },
});
server.route({
  method: "POST",
  path: "/{path*}",
  options: { payload: { parse: false, output: "data" } },
  handler: (request) => `${request.payload?.length ?? 0}\n`,
});
await server.start();
