// What the tests run: a dynlb with two apps of the built-in demo, load on one of them,
// and Chromium.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import puppeteer from "puppeteer-core";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** patience bounds each wait, in ms: the machine may be slow. */
export const patience = 60_000;

/** token is the one of a dynlb with auth. */
export const token = "0123456789abcdef0123456789abcdef";

/** chromiumPath returns where Chromium is: as CHROMIUM says, or on the PATH. */
export function chromiumPath() {
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const folders = (process.env.PATH ?? "").split(":");
  const found = [process.env.CHROMIUM, ...names.flatMap((name) => folders.map((folder) => join(folder, name)))].find((path) => path && existsSync(path));
  if (!found) throw new Error("there is no Chromium: install it (apt-get install chromium), or name it in CHROMIUM");
  return found;
}

/** freePorts returns ports that no program listens on. */
async function freePorts(n) {
  const servers = await Promise.all(Array.from({ length: n }, () => new Promise((resolve, reject) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => resolve(server)).on("error", reject);
  })));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** until waits for a condition, and fails after patience. */
export async function until(what, condition) {
  const end = Date.now() + patience;
  for (;;) {
    const got = await condition();
    if (got) return got;
    if (Date.now() > end) throw new Error(`not within ${patience / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Balancer is a dynlb that a test starts and stops. */
export class Balancer {
  constructor(binary, folder, ports, auth) {
    Object.assign(this, { binary, folder, auth, port: ports[0], url: `http://localhost:${ports[2]}/` });
    writeFileSync(join(folder, "config.yaml"), `listen: 127.0.0.1:${ports[0]}
admin: 127.0.0.1:${ports[1]}
adminHTTP: 127.0.0.1:${ports[2]}
minInstances: 1
maxInstances: 6
checkInterval: 1s
idleTimeout: 10m
drainTimeout: 5s
stateDir: ${join(folder, "state")}
${auth ? "auth: {tokenFile: token}\n" : ""}apps:
  shop:
    hosts: [shop.localhost]
    basePort: ${ports[3]}
    version: v1
    command: [sh, -c, 'echo "shop {version} listens on port {port}"; exec "$0" backend --port {port}', "${binary}"]
  api: {hosts: [api.localhost], basePort: ${ports[4]}}
`);
    writeFileSync(join(folder, "token"), token);
    chmodSync(join(folder, "token"), 0o600);
  }

  /** start returns when admin HTTP answers. */
  async start() {
    this.child = spawn(this.binary, ["serve", "--config", "config.yaml"], { cwd: this.folder, stdio: ["ignore", "pipe", "pipe"] });
    this.log = "";
    this.child.stdout.on("data", (data) => (this.log += data));
    this.child.stderr.on("data", (data) => (this.log += data));
    await until("dynlb is ready", () => fetch(`${this.url}readyz`).then((response) => response.ok, () => false));
  }

  /** stop ends dynlb, and waits for that. */
  async stop(signal = "SIGTERM") {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill(signal);
    await ended;
  }

  /** status returns the state of an app. */
  async status(app = "shop") {
    const headers = this.auth ? { authorization: `Bearer ${token}` } : {};
    return (await (await fetch(`${this.url}v1/status?app=${app}`, { headers })).json()).pool;
  }

  /** load sends requests to the app shop until the returned function is called. */
  load(clients = 6, path = "/slow?ms=40", pause = 0) {
    const agent = new http.Agent({ keepAlive: true });
    let on = true;
    const one = () => on && http.get({ port: this.port, path, agent, headers: { host: "shop.localhost" } }, (response) => {
      response.resume();
      response.on("close", () => setTimeout(one, pause));
    }).on("error", () => setTimeout(one, 100));
    for (let i = 0; i < clients; i++) one();
    return () => {
      on = false;
      agent.destroy();
    };
  }
}

/** Stage has what a test file needs, and ends it. */
export class Stage {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "dynlb-web-"));
    this.balancers = [];
  }

  /** open builds dynlb and starts Chromium. */
  async open() {
    this.binary = process.env.DYNLB ?? join(this.folder, "dynlb");
    if (!process.env.DYNLB) execFileSync("go", ["build", "-o", this.binary, "./cmd/dynlb"], { cwd: root, stdio: "inherit" });
    // Without --no-sandbox Chromium does not run as root, as in containers. The page is our own.
    this.browser = await puppeteer.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu"] });
  }

  /** balancer starts a dynlb. */
  async balancer(auth = false) {
    const folder = mkdtempSync(join(this.folder, "run-"));
    const ports = await freePorts(3);
    // Each app has ports from its own first one up: far from those of other programs.
    const base = 20_000 + 40 * (process.pid % 200) + 2_000 * this.balancers.length;
    const made = new Balancer(this.binary, folder, [...ports, base, base + 20], auth);
    this.balancers.push(made);
    await made.start();
    return made;
  }

  /** page opens the dashboard, and collects what the browser complains about. */
  async page(balancer, { width = 1280, height = 900, theme = "light", path = "#/shop" } = {}) {
    const context = await this.browser.createBrowserContext();
    const page = await context.newPage();
    page.complaints = [];
    page.on("console", (message) => ["error", "warn"].includes(message.type()) && page.complaints.push(message.text()));
    page.on("pageerror", (error) => page.complaints.push(String(error)));
    page.foreign = [];
    page.on("request", (request) => request.url().startsWith(balancer.url) || page.foreign.push(request.url()));
    page.setDefaultTimeout(patience);
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
    await page.goto(balancer.url + path);
    return page;
  }

  /** close ends all. */
  async close() {
    await this.browser?.close();
    await Promise.all(this.balancers.map((one) => one.stop()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** text returns what is seen of the page. */
export const text = (page, selector = "body") => page.$eval(selector, (element) => element.innerText);

/** live waits until a page has the state. */
export const live = (page) => page.waitForSelector('.link[data-kind="live"]');

/** rests asserts that the browser had nothing to complain about, and asked no other server. */
export function rests(page, allowed = /^$/) {
  assert.deepEqual(page.complaints.filter((one) => !allowed.test(one)), []);
  assert.deepEqual(page.foreign, []);
}

/** fill replaces the content of an input. */
export async function fill(page, selector, value) {
  await page.$eval(selector, (input) => input.select());
  await page.type(selector, String(value));
}

/**
 * carryOut presses a button, has what its dialog says that it will do carried out, and checks
 * the line about it. The dialog has the state that the page knew when it was opened, so it is
 * opened again until that is the one that is asked for.
 */
export async function carryOut(page, { button, title, effect, done, form = async () => {} }) {
  let seen = "";
  const opened = async () => {
    await press(page, button);
    await page.waitForSelector("dialog[open]");
    await form();
    seen = await text(page, "dialog");
    if (effect.test(seen)) return true;
    await page.keyboard.press("Escape");
    await closed(page);
    return false;
  };
  await until(`what ${button} will do`, opened).catch((error) => assert.match(seen, effect, error.message));
  await press(page, title, "dialog .buttons");
  await closed(page);
  assert.match(await text(page, ".audit li"), done);
}

/** closed waits until there is no dialog. */
export const closed = (page) => until("the dialog is closed", async () => (await page.$("dialog")) === null);

/** press presses the button with a name, within an element. */
export async function press(page, name, within = "body") {
  const button = await page.waitForSelector(`${within} ::-p-xpath(.//button[starts-with(normalize-space(.), "${name}")])`, { visible: true });
  // Not at its place on the screen, which may move as the page is live.
  await button.evaluate((element) => element.click());
}
