// The history of an app as the page has seen it: one sample for each second.
import type { DurationBucket, Pool } from "./types";

/** maxSamples bounds the history: an hour. */
const maxSamples = 3600;

/** Usage is what one instance used at the time of a sample. */
export interface Usage {
  cpu: number;
  memory: number;
  rate: number | null;
}

/** Sample is the app at one moment. A value that is not known is null. */
export interface Sample {
  time: number; // seconds since 1970
  success: number | null; // responses a second
  redirect: number | null;
  clientError: number | null;
  serverError: number | null;
  p50: number | null; // milliseconds
  p95: number | null;
  p99: number | null;
  requests: number | null; // in flight, without streams
  streams: number | null;
  waiting: number | null;
  load: number | null; // per ready instance
  up: number | null;
  down: number | null;
  target: number | null;
  starting: number | null;
  ready: number | null;
  unhealthy: number | null;
  draining: number | null;
  cpu: number | null; // of all instances, in processors
  memory: number | null; // of all instances
  usage: Map<string, Usage>;
}

/** blank returns a sample without values. */
export const blank = (time: number): Sample => ({
  time, success: null, redirect: null, clientError: null, serverError: null, p50: null, p95: null, p99: null, requests: null, streams: null,
  waiting: null, load: null, up: null, down: null, target: null, starting: null, ready: null, unhealthy: null, draining: null, cpu: null,
  memory: null, usage: new Map(),
});

/** Series are the fields of a sample that are numbers. */
export type Series = Exclude<keyof Sample, "usage">;

/** percentile returns the time within which a part of the requests ended, in ms. */
export function percentile(buckets: { upper: number; count: number }[], part: number): number | null {
  const all = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  if (all === 0) return null;
  let left = part * all;
  let lower = 0;
  for (const { upper, count } of buckets) {
    if (count > 0 && left <= count) {
      // Without an upper bound nothing better than the lower one is known.
      return 1000 * (upper > 0 ? lower + ((upper - lower) * left) / count : lower);
    }
    left -= count;
    if (upper > 0) lower = upper;
  }
  return 1000 * lower;
}

/** between returns the buckets of the requests that ended between two states. */
function between(before: DurationBucket[], after: DurationBucket[]) {
  return after.map((bucket, i) => ({
    upper: bucket.upperSeconds,
    count: Math.max(0, Number(bucket.count) - Number(before[i]?.count ?? 0)),
  }));
}

/** count returns how many instances are in a state. */
const count = (pool: Pool, state: string) => pool.instances.filter((one) => one.state === `INSTANCE_STATE_${state}`).length;

/** loadOf returns the load that the autoscaler compares with its thresholds. */
export const loadOf = (pool: Pool): number => pool.load;

/** History has the samples of an app, oldest first. */
export class History {
  readonly samples: Sample[] = [];
  private before: Pool | undefined;
  private at = 0; // of the last sample
  private received = 0; // the time of the last message

  /** add adds the state of the app at a time, which a message has. */
  add(pool: Pool, time: number) {
    // The message may have been on its way for so long that again has added a sample since.
    this.put(pool, time, time - (this.at < time ? this.at : this.received));
    this.received = time;
  }

  /** put adds a sample, whose counts are those of a span before it. */
  private put(pool: Pool, time: number, span: number) {
    const before = this.before;
    const whole = before !== undefined && span > 0 && Number(pool.arrivals) >= Number(before.arrivals);
    const rate = (now?: string, then?: string) => (whole ? Math.max(0, Number(now ?? 0) - Number(then ?? 0)) / span : null);
    const buckets = whole ? between(before.traffic?.durations ?? [], pool.traffic?.durations ?? []) : [];
    const streams = pool.instances.reduce((sum, one) => sum + one.streams, 0);
    const totals = new Map(before?.instances.map((one) => [one.id, one.totalRequests]));
    this.push({
      time,
      success: rate(pool.traffic?.success, before?.traffic?.success),
      redirect: rate(pool.traffic?.redirect, before?.traffic?.redirect),
      clientError: rate(pool.traffic?.clientError, before?.traffic?.clientError),
      serverError: rate(pool.traffic?.serverError, before?.traffic?.serverError),
      p50: percentile(buckets, 0.5), p95: percentile(buckets, 0.95), p99: percentile(buckets, 0.99),
      requests: pool.instances.reduce((sum, one) => sum + one.inFlight, 0) - streams,
      streams,
      waiting: pool.waitingRequests,
      load: loadOf(pool), up: pool.scaleUpThreshold, down: pool.scaleDownThreshold,
      target: pool.target,
      starting: count(pool, "STARTING"), ready: count(pool, "READY"),
      unhealthy: count(pool, "UNHEALTHY"), draining: count(pool, "DRAINING"),
      cpu: pool.instances.reduce((sum, one) => sum + one.cpuCores, 0),
      memory: pool.instances.reduce((sum, one) => sum + Number(one.memoryBytes), 0),
      usage: new Map(pool.instances.map((one) => [one.id, {
        cpu: one.cpuCores, memory: Number(one.memoryBytes),
        rate: totals.has(one.id) ? rate(one.totalRequests, totals.get(one.id)) : null,
      }])),
    });
    this.before = pool;
    this.at = time;
  }

  /** pause notes that the server was not reached: the next rates are not known. */
  pause() {
    this.before = undefined;
  }

  /** again adds the last state once more, as no message means that it has not changed. */
  again(time: number) {
    if (this.before && time - this.at >= 2) this.put(this.before, time, time - this.at);
  }

  /** since returns the samples from a time on. */
  since(time: number): Sample[] {
    let first = this.samples.length;
    while (first > 0 && this.samples[first - 1]!.time >= time) first--;
    return this.samples.slice(first);
  }

  private push(sample: Sample) {
    while ((this.samples.at(-1)?.time ?? 0) >= sample.time) this.samples.pop();
    this.samples.push(sample);
    if (this.samples.length > maxSamples) this.samples.shift();
  }
}

/** mean returns the mean of a series over the last samples; null if nothing is known. */
export function mean(samples: Sample[], series: Series, last = 5): number | null {
  const values = samples.slice(-last).map((one) => one[series]).filter((value) => value !== null);
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
