// The dashboard in Chromium, with a real dynlb.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Stage, carryOut as carryOutOn, closed, fill as fillOn, live, patience, press, rests, text, token, until } from "./stage.mjs";

const stage = new Stage();
let open;

before(async () => {
  await stage.open();
  open = await stage.balancer();
});
after(() => stage.close());

/** figureOf returns one of the figures of the first screen. */
const figureOf = (page, label) => page.$$eval(".figures div", (all, name) => all.find((one) => one.querySelector("dt").innerText === name)?.querySelector("dd").firstChild.data, label);

test("the first screen says how the app is, under load", async () => {
  const stop = open.load();
  try {
    const page = await stage.page(open);
    await live(page);
    await until("requests per second", async () => Number(await figureOf(page, "Requests")) > 10);
    const seen = await text(page);
    for (const part of ["All well", "Why ", "Load per instance is", "adds above 3", "Response time", "Requests per second", "pid "]) {
      assert.ok(seen.includes(part), `the page lacks "${part}": ${seen}`);
    }
    assert.match(await page.title(), /^shop: .* – dynlb$/);
    assert.equal(await page.$$eval(".plot canvas", (all) => all.length), 7);
    // A plot has a table with the same content.
    await page.click(".plot .table summary");
    await page.waitForSelector(".plot .table[open] tbody td");
    rests(page);
    await page.close();
  } finally {
    stop();
  }
});

test("the page follows the state, and switches between the apps", async () => {
  const page = await stage.page(open);
  await live(page);
  const target = (await open.status()).target === 3 ? 2 : 3; // the load of a test before may have changed it
  await fetch(`${open.url}v1/scale`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ app: "shop", target, hold: "60s" }) });
  await until("the rows", async () => (await page.$$(".instances tbody .state[data-state=ready]")).length === target);
  await until("the event", async () => (await text(page, ".events")).includes("order from"));
  await press(page, "api", "nav");
  await until("the other app", async () => (await page.$$(".instances tbody .state[data-state=ready]")).length === 1);
  assert.ok(page.url().endsWith("#/api"));
  rests(page);
  await page.close();
});

test("every button does what its dialog says, and leaves a line", async () => {
  const page = await stage.page(open);
  await live(page);
  const carryOut = (button, title, effect, done, form) => carryOutOn(page, { button, title, effect, done, form });
  const fill = (selector, value) => fillOn(page, selector, value);
  const target = async () => (await open.status()).target;

  await carryOut("Scale…", "Scale", /1 instance will drain|instance.? will be started|keeps|goes on/, /ScaleTo shop: \d → 2/, () => fill("dialog input", 2));
  assert.equal(await target(), 2);
  await carryOut("Hold…", "Hold the number", /keeps 2 for 15 minutes/, /ScaleTo shop: 2 → 2, held for 15 minutes/);
  assert.ok((await open.status()).holdUntil);
  await carryOut("Release hold…", "Release the hold", /goes on from 2/, /ScaleTo shop: 2 → 2/);
  assert.equal((await open.status()).holdUntil, undefined);
  await carryOut("Pause…", "Pause", /wait in the queue/, /PauseApp shop: requests wait/);
  assert.equal((await open.status()).paused, true);
  await until("the pause is seen", async () => (await text(page, ".verdict h2")).startsWith("Paused"));
  await carryOut("Resume…", "Resume", /are given to instances/, /ResumeApp shop: requests go/);
  assert.equal((await open.status()).paused, false);

  await until("2 ready", async () => (await open.status()).instances.filter((one) => one.state === "INSTANCE_STATE_READY").length === 2);
  const [first, second] = (await open.status()).instances.map((one) => one.id);
  await until("the row", async () => (await text(page, ".instances")).includes(first.slice(0, 8)));
  await carryOut("Drain", "Drain", /A new instance is started first/, new RegExp(`DrainInstance shop: ${first.slice(0, 8)}`));
  await until("the drained one is gone", async () => {
    const ids = (await open.status()).instances.map((one) => one.id);
    return ids.length === 2 && !ids.includes(first) && ids.includes(second);
  });
  await carryOut("Restart…", "Restart all instances", /Each of the 2 instances is replaced/, /RestartInstances shop: 2 of 2 replaced/);
  assert.ok(!(await open.status()).instances.some((one) => one.id === second && one.state === "INSTANCE_STATE_READY"));

  // What the server refuses is shown, and nothing is done.
  await press(page, "Scale…");
  await page.waitForSelector("dialog[open]");
  await page.$eval("dialog form", (form) => (form.noValidate = true));
  await fill("dialog input", 99);
  await press(page, "Scale", "dialog .buttons");
  await until("the refusal", async () => (await text(page, "dialog .error").catch(() => "")).includes("outside [1, 6]"));
  await page.keyboard.press("Escape");
  await closed(page);
  assert.equal(await target(), 2);
  rests(page, /status of 400/);
  await page.close();
});

test("the keyboard reaches every button, and a dialog gives the focus back", async () => {
  const page = await stage.page(open, { path: "#/api" });
  await live(page);
  await page.waitForSelector(".actions button:not([disabled])");
  const names = new Set();
  for (let i = 0; i < 30; i++) {
    await page.keyboard.press("Tab");
    names.add(await page.evaluate(() => document.activeElement.innerText?.trim() || document.activeElement.ariaLabel));
  }
  for (const name of ["shop", "Scale…", "Pause…", "15 min"]) assert.ok([...names].some((one) => one?.startsWith(name)), `${name} is not among ${[...names]}`);
  await page.focus(".actions button");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open] input:focus");
  await page.keyboard.press("Escape");
  await until("the focus is back", () => page.evaluate(() => document.activeElement.innerText === "Scale…"));
  await until("the dialog is gone", async () => (await page.$("dialog")) === null);
  await press(page, "Log of all");
  await page.waitForSelector(".logs li");
  await press(page, "Deploy…");
  await page.waitForSelector("dialog[open] input:focus");
  const unnamed = await page.$$eval("button, input, select, a, [role=img], figure", (all) => all.filter((one) =>
    !(one.innerText?.trim() || one.ariaLabel || one.labels?.length || one.getAttribute("aria-labelledby"))).map((one) => one.outerHTML));
  assert.deepEqual(unnamed, []);
  rests(page);
  await page.close();
});

test("a page of 400 pixels does not scroll sideways", async () => {
  for (const theme of ["light", "dark"]) {
    const page = await stage.page(open, { width: 400, height: 800, theme });
    await live(page);
    await page.waitForSelector(".instances tbody tr");
    await press(page, "Log of all");
    await page.waitForSelector(".logs li");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 400);
    rests(page);
    await page.close();
  }
});

test("the page finds dynlb again after a restart", async () => {
  const page = await stage.page(open);
  await live(page);
  const before = (await open.status()).instances[0].id.slice(0, 8);
  await open.stop();
  await page.waitForSelector('.link[data-kind="lost"]');
  assert.match(await text(page, ".lost"), /does not answer/);
  assert.equal(await page.$eval(".actions button", (button) => button.disabled), true);
  await open.start();
  await live(page);
  await until("the new instances", async () => !(await text(page, ".instances")).includes(before));
  assert.equal(await text(page, ".lost"), "");
  rests(page, /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|503/);
  await page.close();
});

test("with auth the page asks for the token, and forgets the session on demand", async () => {
  const closed = await stage.balancer(true);
  const page = await stage.page(closed);
  await page.waitForSelector(".login input:focus");
  await page.type(".login input", "wrong token");
  await page.keyboard.press("Enter");
  await until("the refusal", async () => (await text(page, ".login")).includes("That is not the token"));
  await page.$eval(".login input", (input) => input.select());
  await page.type(".login input", token);
  await page.keyboard.press("Enter");
  await live(page);
  const [cookie] = await page.cookies();
  assert.equal(cookie.httpOnly, true);
  assert.equal(cookie.sameSite, "Strict");
  assert.equal(await page.evaluate(() => document.cookie), "");
  assert.ok(!(await page.evaluate(() => JSON.stringify(localStorage))).includes(token));

  // The session outlives a restart of dynlb.
  await closed.stop();
  await page.waitForSelector('.link[data-kind="lost"]');
  await closed.start();
  await live(page);

  // A page on another port of the host cannot use it.
  const other = await page.browserContext().newPage();
  await other.goto(`http://localhost:${closed.port}/lb-status`).catch(() => undefined);
  const got = await other.evaluate((url) => fetch(`${url}v1/apps`, { credentials: "include", mode: "no-cors" }).then((response) => response.type, (error) => String(error)), closed.url);
  assert.match(got, /opaque|TypeError/);
  const written = await other.evaluate((url) => fetch(`${url}v1/pause`, { method: "POST", credentials: "include", headers: { "Content-Type": "application/json" }, body: '{"app":"shop"}' }).then((response) => response.status, String), closed.url);
  assert.match(String(written), /TypeError/);
  assert.equal((await closed.status()).paused, false);
  await other.close();

  // A copy of the cookie is worth nothing once the session has ended, also after a restart.
  const answer = async () => (await fetch(`${closed.url}v1/apps`, { headers: { Cookie: `${cookie.name}=${cookie.value}` } })).status;
  assert.equal(await answer(), 200);
  await press(page, "Log out");
  await page.waitForSelector(".login");
  assert.deepEqual(await page.cookies(), []);
  assert.equal(await answer(), 401);
  await closed.stop();
  await closed.start();
  assert.equal(await answer(), 401);
  await page.reload();
  await page.waitForSelector(".login");
  rests(page, /40[13]|ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|503/);
  await page.close();
}, { timeout: 4 * patience });
