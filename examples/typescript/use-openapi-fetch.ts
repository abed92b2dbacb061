// openapi-fetch, with the types that openapi-typescript has made.
import createClient from "openapi-fetch";
import type { components, paths } from "./openapi-typescript.js";

const baseUrl = process.argv[2]!;
const headers = process.env.TOKEN ? { Authorization: `Bearer ${process.env.TOKEN}` } : undefined;
const dynlb = createClient<paths>({ baseUrl, headers });

const { data, error } = await dynlb.GET("/v1/status");
if (!data?.pool) throw new Error(error?.message);
const total: bigint = data.pool.instances.reduce((sum, i) => sum + BigInt(i.totalRequests), 0n); // a uint64 is a string
console.log(`target ${data.pool.target}, ${data.pool.instances.length} instances, ${total} requests`);

const scaled = await dynlb.POST("/v1/scale", { body: { target: data.pool.target, hold: "1s" } });
if (scaled.data?.newTarget !== data.pool.target) throw new Error(scaled.error?.message);

const refused = await dynlb.POST("/v1/scale", { body: { target: 100_000 } });
if (refused.error?.code !== 3) throw new Error("a target out of bounds was not refused as INVALID_ARGUMENT");

// A stream: one document a line.
type Line = components["schemas"]["WatchInstancesResponse"];
const stream = await dynlb.GET("/v1/instances/watch", { params: { query: { minInterval: "0.5s" } }, parseAs: "stream" });
const reader = stream.data!.pipeThrough(new TextDecoderStream()).getReader();
let text = "";
while (!text.includes("\n")) text += (await reader.read()).value ?? "\n";
await reader.cancel();
const line = JSON.parse(text.slice(0, text.indexOf("\n"))) as { result: Line };
if (line.result.pool?.target !== data.pool.target) throw new Error(text);
