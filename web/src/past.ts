// What dynlb remembers: figures over time and events from before the page was opened.
import { Failure, getHistory, listEvents } from "./client";
import { type Sample, type Usage, blank } from "./history";
import type { Event, HistoryPoint } from "./types";

/** Range is a span of time that can be shown. */
export interface Range {
  label: string;
  seconds: number;
  again: number; // after how many seconds the past is read again
}

/** ranges are those that can be chosen. The page itself knows the last hour by the second. */
export const ranges: Range[] = [
  { label: "5 min", seconds: 300, again: 1800 },
  { label: "15 min", seconds: 900, again: 1800 },
  { label: "6 h", seconds: 6 * 3600, again: 120 },
  { label: "7 d", seconds: 7 * 86_400, again: 900 },
];

/** Past is what was read of a range. */
export interface Past {
  range: Range;
  readAt: number;
  samples: Sample[];
  decisions: Event[]; // oldest first
  error?: string;
}

/** readPast reads the figures and the decisions of a range, which ends at a time. */
export async function readPast(app: string, range: Range, now: number): Promise<Past> {
  const from = now - range.seconds;
  const [figures, decisions] = await Promise.all([
    getHistory(app, from, range.seconds <= 2 * 86_400),
    listEvents(app, { types: ["EVENT_TYPE_SCALED"], since: from, pageSize: 1000, newestFirst: true }),
  ]);
  const step = Number.parseFloat(figures.step);
  return { range, readAt: now, samples: whole(figures.points.map((point) => sampleOf(point, step)), step), decisions: decisions.events.reverse() };
}

/** unknown reports whether a failure means that this dynlb has no history. */
export const unknown = (error: unknown) => error instanceof Failure && error.status === 501;

/** whole puts a sample without values where figures are missing: dynlb did not run then. */
function whole(samples: Sample[], step: number): Sample[] {
  return samples.flatMap((sample, i) => {
    const before = samples[i - 1];
    return before && sample.time - before.time > 3 * Math.max(step, 1) ? [blank(before.time + step), sample] : [sample];
  });
}

/** sampleOf returns a point of the history as a sample. */
function sampleOf(point: HistoryPoint, step: number): Sample {
  const requests = point.responses1xx + point.responses2xx + point.responses3xx + point.responses4xx + point.responses5xx;
  const time = (milliseconds: number) => (requests > 0 ? milliseconds : null);
  const usage = new Map<string, Usage>(point.instances.map((one) => [one.id, { cpu: one.cpuCores, memory: one.memoryBytes, rate: null }]));
  return {
    time: Date.parse(point.time ?? "") / 1000,
    success: (point.responses1xx + point.responses2xx) / step, redirect: point.responses3xx / step,
    clientError: point.responses4xx / step, serverError: point.responses5xx / step,
    p50: time(point.p50Ms), p95: time(point.p95Ms), p99: time(point.p99Ms),
    requests: point.inFlight - point.streams, streams: point.streams, waiting: point.waiting,
    load: point.load, up: point.scaleUpThreshold, down: point.scaleDownThreshold,
    target: point.target, starting: point.starting, ready: point.ready, unhealthy: point.unhealthy, draining: point.draining,
    cpu: point.cpuCores, memory: point.memoryBytes, usage,
  };
}
