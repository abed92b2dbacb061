// The client that oazapfts has made.
import { ok } from "@oazapfts/runtime";
import * as dynlb from "./oazapfts.js";

dynlb.defaults.baseUrl = process.argv[2]!;
const { pool } = await ok(dynlb.getStatus());
const target: number = pool!.target;
const scaled = await ok(dynlb.scaleTo({ target, hold: "1s" }));
if (scaled.newTarget !== target) throw new Error(JSON.stringify(scaled));
console.log(`target ${target}, ${pool!.instances.length} instances`);
