// Writes docs/images/dashboard-*.webp, the pictures of the README: a shop under a load
// that rises and falls, and an instance that ends.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Stage, until } from "./stage.mjs";

const folder = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const stage = new Stage();
const rest = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

try {
  await stage.open();
  mkdirSync(folder, { recursive: true });
  const shop = await stage.balancer();
  const shots = [];
  for (const theme of ["light", "dark"]) {
    for (const [name, width, height] of [["wide", 1280, 1120], ["phone", 400, 860]]) shots.push([await stage.page(shop, { width, height, theme }), theme, name]);
  }
  const streams = shop.load(3, "/sse?ms=500");
  const loads = [];
  for (const clients of [3, 3, 4, 5, 6, 5]) {
    loads.push(shop.load(clients, `/slow?ms=${20 + 15 * loads.length}`), shop.load(1, "/none", 300));
    await rest(8);
  }
  process.kill(Number((await shop.status()).instances[1].handle.replace("pid ", "")), "SIGKILL");
  for (const stop of loads.splice(2)) {
    stop();
    await rest(2);
  }
  await rest(8);
  for (const [page, theme, name] of shots) {
    await until("live", () => page.$('.link[data-kind="live"]'));
    await page.bringToFront();
    await page.screenshot({ path: `${folder}dashboard-${theme}-${name}.webp`, type: "webp", quality: 82 });
  }
  for (const stop of [...loads, streams]) stop();
} finally {
  await stage.close();
}
