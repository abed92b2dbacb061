// Calls the app of connect-server.mjs through dynlb, in all protocols of Connect:
// `node connect-client.mjs http://127.0.0.1:4000`. It exits with 1 if a call fails that must not.
import assert from "node:assert";
import { Code, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { Echo } from "./echo.mjs";

const baseUrl = process.argv[2];
for (const [name, make, httpVersion] of [
  ["Connect", createConnectTransport, "2"],
  ["Connect over HTTP/1.1", createConnectTransport, "1.1"],
  ["gRPC", createGrpcTransport, "2"],
  ["gRPC-Web", createGrpcWebTransport, "2"],
]) {
  const client = createClient(Echo, make({ baseUrl, httpVersion }));
  const timeoutMs = 30_000;
  let instance;
  const onTrailer = (trailer) => (instance = trailer.get("x-instance"));
  assert.equal((await client.say({ text: "hello" }, { timeoutMs, onTrailer })).text, "hello");
  assert.match(instance, /^\d+$/);
  await assert.rejects(client.say({ text: "fail" }), (err) => err.code === Code.NotFound && err.rawMessage === "nothing here" && err.metadata.get("x-why") === "a test");
  // The client's own timer may be later than dynlb, whose 504 means UNAVAILABLE to gRPC-Web.
  const late = name === "gRPC-Web" ? [Code.DeadlineExceeded, Code.Unavailable] : [Code.DeadlineExceeded];
  await assert.rejects(client.say({ text: "slow" }, { timeoutMs: 200 }), (err) => late.includes(err.code));

  let counted = 0;
  for await (const { text } of client.count({ text: "1000" }, { timeoutMs })) assert.equal(text, String(counted++));
  assert.equal(counted, 1000);

  const texts = async function* (...all) {
    for (const text of all) yield { text };
  };
  assert.equal((await client.sum(texts(...Array(100).fill("x".repeat(1000))), { timeoutMs })).text, "100");
  if (httpVersion === "2") {
    const got = [];
    for await (const { text } of client.chat(texts("a", "b".repeat(1 << 20), "c"), { timeoutMs })) got.push(text.length);
    assert.deepEqual(got, [1, 1 << 20, 1]);
  }
  console.log(`${name} works`);
}
process.exit(0); // connections of HTTP/2 stay open
