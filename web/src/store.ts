// What the page knows: the apps, the state of each, and whether the server is reached.
import { Failure, getStatus, listApps, listEvents, watch } from "./client";
import { History } from "./history";
import { type Past, type Range, ranges, readPast, unknown } from "./past";
import type { Certificate, Event, Exit, Pool } from "./types";

/** maxEvents bounds the events that are kept of an app. */
const maxEvents = 500;

/** maxExits bounds the exits that are kept of an app. */
const maxExits = 20;

/** The pauses between two attempts to reach the server, in ms, grow between these. */
const firstPause = 500;
const lastPause = 8000;

/** App is an app as the page knows it. */
export interface App {
  name: string;
  pool?: Pool;
  history: History;
  events: Event[]; // newest first
  exits: Exit[]; // newest first
  past?: Past;
  reading?: Range; // of the past, at the moment
  certificates: Certificate[];
}

/** Link says whether the server is reached. */
export type Link =
  | { kind: "connecting" }
  | { kind: "live" }
  | { kind: "lost"; why: string; retryAt: number }
  | { kind: "locked" };

/** Audit is one line about what this page has had the server do. */
export interface Audit {
  number: number;
  time: number;
  text: string;
  failed: boolean;
}

/** behind is how many seconds the clock of dynlb is behind that of the browser. */
let behind = 0;

/** now returns the time in seconds since 1970, by the clock of dynlb. */
export const now = () => Date.now() / 1000 - behind;

/**
 * align learns the difference of the clocks from the time of a message: the shortest seen,
 * as a message may have been on its way for long. A page in the background gets several
 * at once.
 */
function align(time: number, first: boolean) {
  const difference = Date.now() / 1000 - time;
  behind = first ? difference : Math.min(behind, difference);
}

/** Store has the state of the page, and tells its listeners of each change. */
export class Store {
  readonly apps = new Map<string, App>();
  names: string[] = [];
  selected = "";
  link: Link = { kind: "connecting" };
  audit: Audit[] = [];
  private notes = 0;
  /** connections counts how often the server was reached: what was read before may be old. */
  connections = 0;
  range: Range = ranges[1]!;
  private listeners = new Set<() => void>();
  private current = new AbortController();
  private wake: (() => void) | undefined;

  /** subscribe has a listener called after each change. */
  subscribe(listener: () => void) {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** changed tells the listeners. */
  changed() {
    for (const listener of this.listeners) listener();
  }

  /** app returns the selected app. */
  app(): App | undefined {
    return this.apps.get(this.selected);
  }

  /** note adds a line to the audit. */
  note(text: string, failed = false) {
    this.audit = [{ number: ++this.notes, time: now(), text, failed }, ...this.audit].slice(0, 50);
    this.changed();
  }

  /** select shows another app. */
  select(name: string) {
    if (name === this.selected || !this.names.includes(name)) return;
    this.apps.get(this.selected)?.history.pause();
    this.selected = name;
    location.hash = `#/${encodeURIComponent(name)}`;
    this.retry();
  }

  /** retry begins a new attempt at once. */
  retry() {
    this.current.abort();
    this.wake?.();
    this.changed();
  }

  /** run follows the selected app as long as the page is open. */
  async run() {
    let pause = firstPause;
    for (;;) {
      const attempt = new AbortController();
      this.current = attempt;
      try {
        await this.follow(attempt.signal, () => (pause = firstPause));
        throw new Error("the stream ended");
      } catch (error) {
        this.app()?.history.pause();
        if (attempt.signal.aborted) continue; // another app was selected
        if (error instanceof Failure && error.status === 401) {
          this.link = { kind: "locked" };
          this.changed();
          await this.rest(Number.POSITIVE_INFINITY);
          continue;
        }
        const wait = pause * (0.75 + 0.5 * Math.random());
        this.link = { kind: "lost", why: error instanceof Error ? error.message : String(error), retryAt: now() + wait / 1000 };
        this.changed();
        await this.rest(wait);
        pause = Math.min(2 * pause, lastPause);
      }
    }
  }

  /** follow reads the stream of the selected app until it ends. */
  private async follow(signal: AbortSignal, reached: () => void) {
    await this.refresh();
    let first = true;
    for await (const message of watch(this.selected, this.app()?.events[0]?.sequence ?? "", signal)) {
      const app = this.app();
      if (!app || !message.pool) continue;
      reached();
      const time = message.time ? Date.parse(message.time) / 1000 : now();
      align(time, first);
      this.link = { kind: "live" };
      app.pool = message.pool;
      keepEvents(app, message.events);
      if (message.pool.lastExit) keepExits(app, [message.pool.lastExit]);
      app.history.add(message.pool, time);
      if (first) {
        this.connections++;
        void this.readEvents(app);
        void this.readPast(app);
      }
      first = false;
      this.changed();
    }
  }

  /** show shows another range of time. */
  show(range: Range) {
    this.range = range;
    const app = this.app();
    if (app) void this.readPast(app);
    this.changed();
  }

  /** readEvents reads the last events and exits of an app, also of before the page was opened. */
  private async readEvents(app: App) {
    try {
      const [events, exits] = await Promise.all([
        listEvents(app.name, { pageSize: 300, newestFirst: true }),
        listEvents(app.name, { types: ["EVENT_TYPE_EXITED"], pageSize: maxExits, newestFirst: true }),
      ]);
      keepEvents(app, events.events);
      keepEvents(app, exits.events, true);
    } catch (error) {
      if (!unknown(error)) this.note(`Events of the past: ${String((error as Error).message)}`, true);
    }
    this.changed();
  }

  /** readPast reads the figures of the range that is shown. */
  private async readPast(app: App) {
    const range = this.range;
    if (app.reading === range) return;
    app.reading = range;
    try {
      const past = await readPast(app.name, range, now());
      if (this.range === range) app.past = past;
    } catch (error) {
      if (this.range === range) {
        const why = unknown(error) ? "This dynlb keeps no history." : `The past cannot be read: ${String((error as Error).message)}`;
        app.past = { range, readAt: now(), samples: [], decisions: [], error: why };
      }
    }
    if (app.reading === range) app.reading = undefined;
    this.changed();
  }

  /** refresh reads the names of the apps, and the state of those not shown. */
  async refresh() {
    this.names = await listApps();
    for (const name of this.names) {
      if (!this.apps.has(name)) this.apps.set(name, { name, history: new History(), events: [], exits: [], certificates: [] });
    }
    if (!this.names.includes(this.selected)) this.selected = this.wanted();
    await Promise.all(this.names.slice(0, 16).map(async (name) => {
      const status = await getStatus(name);
      const app = this.apps.get(name)!;
      app.certificates = status.certificates;
      if (name !== this.selected || !app.pool) app.pool = status.pool;
    }));
    this.changed();
  }

  /** tick adds a sample when nothing has changed for a while. */
  tick() {
    if (this.link.kind !== "live") return;
    const app = this.app();
    app?.history.again(now());
    if (app?.past && now() - app.past.readAt > this.range.again) void this.readPast(app);
    this.changed();
  }

  /** wanted returns the app that the address names, or the first one. */
  private wanted(): string {
    const name = decodeURIComponent(location.hash.replace(/^#\//, ""));
    return this.names.includes(name) ? name : (this.names[0] ?? "");
  }

  /** rest waits, or until retry is called. */
  private async rest(milliseconds: number) {
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      if (Number.isFinite(milliseconds)) setTimeout(resolve, milliseconds);
    });
    this.wake = undefined;
  }
}

/** keepEvents adds events to those that are known, and their exits to those. */
function keepEvents(app: App, events: Event[], onlyExits = false) {
  const exits = events.filter((event) => event.type === "EVENT_TYPE_EXITED");
  if (exits.length > 0) keepExits(app, exits);
  if (onlyExits || events.length === 0) return;
  const all = new Map([...app.events, ...events].map((event) => [event.sequence, event]));
  app.events = [...all.values()].sort((a, b) => Number(b.sequence) - Number(a.sequence)).slice(0, maxEvents);
}

/** keepExits adds exits to those that are known, one of each instance. */
function keepExits(app: App, exits: Exit[]) {
  const all = new Map([...exits, ...app.exits].map((exit) => [exit.instanceId, exit]));
  app.exits = [...all.values()].sort((a, b) => Date.parse(b.time ?? "") - Date.parse(a.time ?? "")).slice(0, maxExits);
}
