// An app of gRPC for dynlb: `node server.js PORT`. `bun server.js PORT` works, too.
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const here = new URL(".", import.meta.url).pathname;
const { Echo } = grpc.loadPackageDefinition(loader.loadSync(here + "echo.proto")).example;
// The part of grpc.health.v1 that dynlb asks for.
const health = {
  Check: {
    path: "/grpc.health.v1.Health/Check",
    requestStream: false,
    responseStream: false,
    requestDeserialize: (bytes) => bytes,
    responseSerialize: (state) => Buffer.from([8, state]),
  },
};

const server = new grpc.Server();
let state = 1; // SERVING
server.addService(health, { Check: (call, done) => done(null, state) });
server.addService(Echo.service, {
  Say(call, done) {
    const { text } = call.request;
    const trailer = new grpc.Metadata();
    trailer.set("x-instance", String(process.pid));
    if (text === "fail") return done({ code: grpc.status.NOT_FOUND, details: "nothing here" });
    setTimeout(() => done(null, { text }, trailer), text === "slow" ? 1000 : 0);
  },
  Sum(call, done) {
    let n = 0;
    call.on("data", () => n++);
    call.on("end", () => done(null, { text: String(n) }));
  },
  Count(call) {
    for (let i = 0; i < Number(call.request.text); i++) call.write({ text: String(i) });
    call.end();
  },
  Chat(call) {
    call.on("data", (text) => call.write(text));
    call.on("end", () => call.end());
  },
});

server.bindAsync(`127.0.0.1:${process.argv[2]}`, grpc.ServerCredentials.createInsecure(), (err) => {
  if (err) throw err;
});
process.on("SIGTERM", () => {
  state = 2; // NOT_SERVING
  server.tryShutdown(() => process.exit(0));
});
