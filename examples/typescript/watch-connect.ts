// Watches an app over gRPC with connect-es, and comes back when dynlb does.
//
//   node watch-connect.js http://localhost:4001
//
// gen/ is generated from control.proto by protoc-gen-es: see README.md.
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { setTimeout as sleep } from "node:timers/promises";
import { Control, EventType } from "./gen/dynlb/v1/control_pb.js";

const withToken: Interceptor = (next) => (request) => {
  if (process.env.TOKEN) request.header.set("authorization", `Bearer ${process.env.TOKEN}`);
  return next(request);
};
const dynlb = createClient(
  Control,
  createGrpcTransport({
    baseUrl: process.argv[2] ?? "http://localhost:4001",
    interceptors: [withToken],
    // Pings every 30 s notice a connection that is silently gone. dynlb ends the connections
    // of clients that ping more often than every 10 s, with ENHANCE_YOUR_CALM.
    pingIntervalMs: 30_000,
    pingTimeoutMs: 5_000,
  }),
);

// What is worth another try: dynlb restarts, has too many watchers, or was killed, which is
// Canceled or Aborted here.
const again = new Set([Code.Unavailable, Code.ResourceExhausted, Code.Canceled, Code.Aborted]);

let last = 0n;
for (let wait = 100; ; wait = Math.min(2 * wait, 5000)) {
  try {
    // After the first event the watch goes on where it was, also at another dynlb.
    for await (const { pool, events } of dynlb.watchInstances({ resumeAfter: last })) {
      wait = 100;
      console.log(`target ${pool?.target}, ${pool?.instances.length} instances`);
      for (const event of events) {
        if (event.sequence > last) last = event.sequence;
        console.log(` ${EventType[event.type]} ${event.reason}`);
      }
    }
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error);
    console.log(Code[code], rawMessage);
    if (!again.has(code)) process.exit(1);
  }
  await sleep(wait);
}
