// An app for a pod. Kubernetes ends a pod with SIGTERM: Bun alone would end at once then, and cut
// off the requests in flight.
import { hostname } from "node:os";

let stopping = false;

const server = Bun.serve({
  port: Number(process.env.PORT ?? 8080),
  idleTimeout: 60,
  routes: {
    "/health": () => new Response("ok\n", { status: stopping ? 503 : 200 }),
    "/slow": (request) => {
      const ms = Number(new URL(request.url).searchParams.get("ms") ?? 1000);
      return new Response(slowly(Math.min(Math.max(ms, 0) || 0, 30_000)));
    },
  },
  fetch: () => new Response(`hello from pod ${hostname()}\n`),
});

async function* slowly(ms: number) {
  yield "working\n";
  await Bun.sleep(ms);
  yield "done\n";
}

console.log(`listening on ${server.url}`);

process.once("SIGTERM", async () => {
  stopping = true;
  await server.stop(); // no new connections; those with a request may finish
  process.exit(0);
});
