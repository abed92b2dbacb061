import Koa from "koa";

const app = new Koa();
app.use(async (ctx) => {
  if (ctx.path === "/wait") await new Promise((done) => setTimeout(done, 2000));
  let length = 0;
  for await (const chunk of ctx.req) length += chunk.length;
  ctx.body = ctx.method === "POST" ? `${length}\n` : "hello\n";
});
app.listen(Number(process.argv[2]), "127.0.0.1");
