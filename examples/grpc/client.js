// Calls the app through dynlb: `node client.js 127.0.0.1:4000`. It exits with 1 if a call fails that must not.
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";
import assert from "node:assert";

const here = new URL(".", import.meta.url).pathname;
const { Echo } = grpc.loadPackageDefinition(loader.loadSync(here + "echo.proto")).example;
const client = new Echo(process.argv[2] ?? "127.0.0.1:4000", grpc.credentials.createInsecure());
const options = () => ({ deadline: Date.now() + 20_000 });

const say = (text, deadline = options()) =>
  new Promise((resolve, reject) => {
    const call = client.say({ text }, deadline, (err, got) => (err ? reject(err) : resolve({ text: got.text, call })));
    call.on("status", (status) => (call.pid = status.metadata.get("x-instance")[0]));
  });
const all = async (call) => {
  const texts = [];
  for await (const { text } of call) texts.push(text);
  return texts;
};

assert.equal((await say("hello")).text, "hello");
await assert.rejects(say("fail"), (err) => err.code === grpc.status.NOT_FOUND && err.details === "nothing here");
await assert.rejects(say("slow", { deadline: Date.now() + 200 }), (err) => err.code === grpc.status.DEADLINE_EXCEEDED);
assert.equal((await all(client.count({ text: "1000" }, options()))).length, 1000);

const sum = await new Promise((resolve, reject) => {
  const call = client.sum(options(), (err, got) => (err ? reject(err) : resolve(got.text)));
  for (let i = 0; i < 100; i++) call.write({ text: "x".repeat(1000) });
  call.end();
});
assert.equal(sum, "100");

const chat = client.chat(options());
const talk = chat[Symbol.asyncIterator]();
for (const text of ["a", "b".repeat(1 << 20), "c"]) {
  chat.write({ text });
  assert.equal((await talk.next()).value.text, text);
}
chat.end();

// While instances come and go (dynlb restart, dynlb scale), no call is lost.
const seconds = Number(process.argv[3] ?? 0);
const end = Date.now() + seconds * 1000;
let calls = 0;
await Promise.all(
  Array.from({ length: seconds ? 16 : 0 }, async () => {
    while (Date.now() < end) {
      await say("hello");
      calls++;
    }
  }),
);
console.log(seconds ? `ok, ${calls} calls in ${seconds} s` : "ok");
client.close();
