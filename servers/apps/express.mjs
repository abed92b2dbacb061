import express from "express";

const app = express();
app.use(express.raw({ type: () => true }));
app.get("/wait", (_, response) => setTimeout(() => response.send("hello\n"), 2000));
app.get("/{*path}", (_, response) => response.send("hello\n"));
app.post("/{*path}", (request, response) => response.send(`${request.body?.length ?? 0}\n`));
app.listen(Number(process.argv[2]), "127.0.0.1");
