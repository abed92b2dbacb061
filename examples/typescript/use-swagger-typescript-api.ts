// The client that swagger-typescript-api has made.
import { Api } from "./swagger-typescript-api.js";

const dynlb = new Api({ baseUrl: process.argv[2]! });
const status = await dynlb.v1.getStatus();
const target: number | undefined = status.data.pool?.target;
if (!target) throw new Error(JSON.stringify(status.data));
const scaled = await dynlb.v1.scaleTo({ target, hold: "1s" });
if (scaled.data.newTarget !== target) throw new Error(JSON.stringify(scaled.data));
const short = await dynlb.lbStatus.getLbStatus();
const load: number = short.data.instances[0]!.load;
console.log(`target ${target}, load ${load}`);
