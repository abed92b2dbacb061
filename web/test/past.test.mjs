// What the dashboard shows of the past, of logs, of exits and of deploys, in Chromium with a
// real dynlb.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Stage, carryOut, fill, live, patience, press, rests, text, until } from "./stage.mjs";

const stage = new Stage();
let open;

before(async () => {
  await stage.open();
  open = await stage.balancer();
});
after(() => stage.close());

/** lost are the complaints of a browser whose server is restarted. */
const lost = /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|503/;

/** rows returns the cells of the table of a plot, newest first. */
const rows = (page, title) => page.$$eval(".plot", (all, name) => {
  const plot = all.find((one) => one.querySelector("h3").innerText === name);
  plot.querySelector("details").open = true;
  return [...plot.querySelectorAll("tbody tr")].map((row) => [...row.children].map((cell) => cell.innerText));
}, title);

const post = (path, body) => fetch(open.url + path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** ready returns the ready instances of the app. */
const ready = async () => (await open.status()).instances.filter((one) => one.state === "INSTANCE_STATE_READY");

test("a page that is opened late shows what was before", async () => {
  const stop = open.load();
  try {
    await post("v1/scale", { app: "shop", target: 2, hold: "600s" });
    await until("figures of some seconds", async () => {
      const { points } = await (await fetch(`${open.url}v1/history?app=shop`)).json();
      return points.filter((point) => point.responses2xx > 0 && point.ready === 2).length > 5;
    });
    const opened = await stage.page(open);
    await live(opened);
    assert.ok((await opened.evaluate(() => performance.getEntriesByType("paint").length)) > 0, "nothing was painted");
    await until("the past", async () => (await rows(opened, "Requests per second")).filter((row) => Number(row[1]) > 0).length > 4);
    // A decision of before is among the events, and a mark with its reason.
    await until("events of the past", async () => (await text(opened, ".events")).includes("order from"));
    await opened.click(".plots .wide .table summary");
    await until("the mark", async () => (await text(opened, ".plots .wide .table")).includes("order from"));
    for (const range of ["6 h", "7 d", "15 min"]) {
      await press(opened, range, ".plots");
      await until(`the range of ${range}`, () => opened.$$eval(".choice button", (all, name) => all.find((one) => one.innerText === name).ariaPressed === "true", range));
      await until("the past is read", async () => (await opened.$eval(".past", (one) => one.innerText)) === "");
      await until("requests", async () => (await rows(opened, "Requests per second")).some((row) => Number(row[1]) > 0));
    }
    rests(opened);
    await opened.close();
  } finally {
    stop();
  }
});

test("an exit has its output and version, and its instance a log", async () => {
  const page = await stage.page(open);
  await live(page);
  const [first] = await ready();
  process.kill(Number(first.handle.replace("pid ", "")), "SIGKILL");
  await until("the exit", async () => (await text(page, ".exits")).includes(first.id.slice(0, 8)));
  assert.match(await text(page, ".exits summary"), /of v1 signal: killed/);
  assert.match(await text(page, ".exits pre"), /listens on port/);
  const kinds = await page.$$eval(".events li", (all, id) => all.filter((one) => one.innerText.includes(id)).map((one) => one.dataset.kind), first.id.slice(0, 8));
  assert.ok(kinds.includes("exited") && !kinds.includes("stopped"), `its events are ${kinds}`);

  await press(page, "Its log", ".exits");
  await until("its log", async () => (await text(page, ".logs ol")).includes("listens on port"));
  assert.equal(await page.$eval(".logs select", (one) => one.value), first.id);
  await page.select(".logs select", "");
  await until("all logs", async () => (await page.$$(".logs li code")).length > 2);
  await page.type(".logs input", "no such line");
  await until("the filter", async () => (await text(page, ".logs ol")) === "No line contains that.");
  await fill(page, ".logs input", "listens");

  // A pause keeps the lines as they are, and says how many have come since.
  await press(page, "Pause log", ".logs");
  const before = (await page.$$(".logs li")).length;
  await post("v1/scale", { app: "shop", target: 4, hold: "600s" });
  await until("new lines are counted", async () => /Follow \(\d+ new\)/.test(await text(page, ".logs")));
  assert.equal((await page.$$(".logs li")).length, before);
  await press(page, "Follow", ".logs");
  await until("the new lines", async () => (await page.$$(".logs li")).length > before);
  await press(page, "Close log");
  await until("it is closed", async () => (await page.$(".logs")) === null);
  rests(page);
  await page.close();
});

test("deploy and rollback say what they do, show how far they are, and leave a line", async () => {
  const stop = open.load(2, "/", 100);
  const page = await stage.page(open);
  try {
    await live(page);
    await post("v1/scale", { app: "shop", target: 2, hold: "600s" });
    await carryOut(page, {
      button: "Deploy…", title: "Deploy", form: () => page.type("dialog input", "v2"),
      effect: /Instances of v2 are started beside those of v1. When they are ready, they get all requests/, done: /Deploy shop: v2 has all requests/,
    });
    assert.equal((await open.status()).version, "v2");
    await until("the version of the instances", async () => (await page.$$eval('.instances td[data-label="Version"]', (all) => all.map((one) => one.innerText))).every((one) => one === "v2"));

    // A canary goes on when its dialog is closed. One that cannot be judged says so early.
    await press(page, "Deploy…");
    await page.waitForSelector("dialog[open]");
    await page.type("dialog input", "v3");
    await fill(page, "dialog input[type=number]", 1);
    await until("the minutes", () => page.$('dialog input[max="1440"]'));
    await fill(page, 'dialog input[max="1440"]', 1);
    assert.match(await text(page, "dialog"), /1 % of the requests for 1 minute/);
    await press(page, "Deploy", "dialog .buttons");
    await until("the first step", async () => /v3/.test(await text(page, "dialog .progress")));
    await press(page, "Close", "dialog .buttons");
    await until("the canary", async () => /Deploying v3 in place of v2: canary/.test(await text(page, ".deploying").catch(() => "")));
    await until("the outlook", async () => /a verdict takes 50 of each: the present version will stay/.test(await text(page, ".deploying")));
    assert.ok(await page.$(".deploying progress[max='50']"));

    await carryOut(page, { button: "Roll back…", title: "Roll back", effect: /The deploy of v3 ends: its instances drain, and v2 stays/, done: /Rollback shop: the deploy of v3 has ended, v2 stays|Deploy: / });
    await until("no deploy", async () => (await page.$(".deploying")) === null);
    await carryOut(page, { button: "Roll back…", title: "Roll back", effect: /Instances of v1 are started. When they are ready, they get all requests, and those of v2 drain/, done: /Rollback shop: v1 has all requests/ });
    assert.equal((await open.status()).version, "v1");
    rests(page, /^$/);
  } finally {
    stop();
    await page.close();
  }
}, { timeout: 4 * patience });

test("the page goes on after a dynlb that was killed, with the events since", async () => {
  const page = await stage.page(open);
  await live(page);
  await press(page, "Log of all");
  await until("the log", async () => (await text(page, ".logs ol")).includes("listens on port"));
  await until("events", async () => (await page.$$(".events li")).length > 3);
  const before = (await page.$$(".events li")).length;
  await open.stop("SIGKILL");
  await page.waitForSelector('.link[data-kind="lost"]');
  await open.start();
  await live(page);
  await until("the event about the end", async () => (await text(page, ".events")).includes("had ended without a shutdown"));
  const after = await page.$$eval(".events li", (all) => all.map((one) => one.innerText));
  assert.ok(after.length > before, "events of before are gone");
  assert.equal(new Set(await page.$$eval(".events time", (all) => all.map((one) => one.dateTime))).size >= before, true);
  await until("the log of the new instances", async () => (await text(page, ".logs ol")).includes("listens on port"));
  rests(page, lost);
  await page.close();
});
