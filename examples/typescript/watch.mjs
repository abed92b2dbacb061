// Watches an app over gRPC with grpc-js, and comes back when dynlb does.
//
//   node watch.mjs localhost:4001
import { credentials, loadPackageDefinition, Metadata, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { join } from "node:path";

const proto = join(import.meta.dirname, "../../proto/dynlb/v1/control.proto");
// Pings every 30 s notice a connection that is silently gone. dynlb ends the connections of
// clients that ping more often than every 10 s, with ENHANCE_YOUR_CALM.
const options = { "grpc.keepalive_time_ms": 30_000, "grpc.keepalive_timeout_ms": 5_000, "grpc.max_reconnect_backoff_ms": 2_000 };
const { Control } = loadPackageDefinition(loadSync(proto, { longs: String, enums: String, defaults: true })).dynlb.v1;
const dynlb = new Control(process.argv[2], credentials.createInsecure(), options);
const metadata = new Metadata();
if (process.env.TOKEN) metadata.set("authorization", `Bearer ${process.env.TOKEN}`);

// What is worth another try: dynlb is gone, restarts, or has too many watchers.
const again = new Set([status.UNAVAILABLE, status.RESOURCE_EXHAUSTED, status.CANCELLED]);

function watch(wait = 100) {
  const stream = dynlb.watchInstances({}, metadata);
  stream.on("data", ({ pool, events }) => {
    wait = 100;
    console.log(`target ${pool.target}, ${pool.instances.length} instances`);
    for (const e of events) console.log(` ${e.type} ${e.reason}`);
  });
  stream.on("error", (e) => {
    console.log(status[e.code], e.details);
    if (!again.has(e.code)) process.exit(1);
    setTimeout(watch, wait, Math.min(2 * wait, 5000));
  });
}
watch();
