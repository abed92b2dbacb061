import fastify from "fastify";

const app = fastify();
app.addContentTypeParser("*", { parseAs: "buffer" }, (_, body, done) => done(null, body));
app.get("/wait", () => new Promise((done) => setTimeout(() => done("hello\n"), 2000)));
app.get("/*", async () => "hello\n");
app.post("/*", async (request) => `${request.body?.length ?? 0}\n`);
await app.listen({ port: Number(process.argv[2]), host: "127.0.0.1" });
