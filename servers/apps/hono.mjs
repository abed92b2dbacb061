import { serve } from "@hono/node-server";
import { Hono } from "hono";

const app = new Hono();
app.get("/wait", async (c) => {
  await new Promise((done) => setTimeout(done, 2000));
  return c.text("hello\n");
});
app.get("*", (c) => c.text("hello\n"));
app.post("*", async (c) => c.text(`${(await c.req.arrayBuffer()).byteLength}\n`));
serve({ fetch: app.fetch, port: Number(process.argv[2]), hostname: "127.0.0.1" });
