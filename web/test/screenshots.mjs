// Writes docs/images/dashboard-*.webp, the pictures of the README: a shop under a load
// that rises and falls, and an instance that ends; the log and the last exits below; and a
// canary.
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Stage, press, until } from "./stage.mjs";

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
  await fetch(`${shop.url}v1/scale`, { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"app":"shop","target":3,"hold":"600s"}' });
  for (const [page, theme, name] of shots) {
    await press(page, "Log of all");
    await page.waitForSelector(".logs li time");
    await page.$eval(".instances", (element) => scrollTo(0, element.offsetTop - 64));
    await rest(1);
    await page.bringToFront();
    await page.screenshot({ path: `${folder}dashboard-${theme}-${name}-log.webp`, type: "webp", quality: 82 });
  }
  void fetch(`${shop.url}v1/deploy`, { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"app":"shop","version":"v2","canary":0.2,"canaryTime":"120s"}' });
  await rest(20);
  for (const [page, theme, name] of shots) {
    await page.evaluate(() => scrollTo(0, 0));
    await rest(1);
    await page.bringToFront();
    const height = name === "phone" ? 860 : 520;
    await page.screenshot({ path: `${folder}dashboard-${theme}-${name}-canary.webp`, type: "webp", quality: 82, clip: { x: 0, y: 0, width: name === "phone" ? 400 : 1280, height } });
  }
  for (const stop of [...loads, streams]) stop();
} finally {
  await stage.close();
}
