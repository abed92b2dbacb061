// The plots of an app.
import { useMemo } from "preact/hooks";
import { arrows, bytes, figure, milliseconds, short } from "./format";
import type { Sample, Series, Usage } from "./history";
import { type Line, type Mark, Plot } from "./plot";
import { type Range, ranges } from "./past";
import { type App, now } from "./store";
import type { Event } from "./types";

/** hues is how many colours there are for the lines of instances. */
const hues = 8;

/** maxLines bounds the instances that a plot shows: more cannot be told apart. */
const maxLines = 24;

/** powers are the steps at an axis of bytes, from 1 MiB on. */
const powers = Array.from({ length: 24 }, (_, i) => 2 ** (20 + i));

/** decisions returns the changes of the target as marks. */
export function decisions(app: App): Mark[] {
  const scaled = [...(app.past?.decisions ?? []), ...app.events].filter((event) => event.type === "EVENT_TYPE_SCALED");
  const once = new Map<string, Event>(scaled.map((event) => [event.sequence, event]));
  const marks = [...once.values()].map((event) => markOf(event.time!, event.rule, event.reason));
  const last = app.pool?.lastDecision;
  if (last?.time && !marks.some((mark) => Math.abs(mark.time - Date.parse(last.time!) / 1000) < 0.01)) {
    marks.push(markOf(last.time, last.rule, last.reason));
  }
  return marks.sort((a, b) => a.time - b.time);
}

function markOf(time: string, rule: string, reason: string): Mark {
  const change = /(\d+) -> (\d+)/.exec(reason);
  return { time: Date.parse(time) / 1000, up: !change || Number(change[2]) >= Number(change[1]), text: arrows(rule ? `${rule}: ${reason}` : reason) };
}

/** together returns what dynlb remembers of a time, and what the page has seen since. */
function together(app: App, from: number): Sample[] {
  const past = app.past?.samples.filter((sample) => sample.time >= from) ?? [];
  const end = past.at(-1)?.time ?? from;
  return [...past, ...app.history.since(from).filter((sample) => sample.time > end)];
}

/** perInstance returns a line for each instance that the samples have. */
function perInstance(samples: Sample[], value: (usage: Usage) => number | null): Line[] {
  const ids = new Set<string>();
  for (const sample of samples) for (const id of sample.usage.keys()) ids.add(id);
  return [...ids].slice(-maxLines).map((id, i) => ({
    label: short(id), color: `--hue-${i % hues}`,
    values: samples.map((sample) => {
      const usage = sample.usage.get(id);
      return usage ? value(usage) : null;
    }),
  }));
}

/** Plots shows how the app was over a range of time, which ends now. */
export function Plots({ app, range, onRange }: { app: App; range: Range; onRange: (range: Range) => void }) {
  const to = Math.max(now(), app.history.samples.at(-1)?.time ?? 0);
  const known = together(app, to - range.seconds);
  // As long as less than that is known, it shows what is known.
  const from = Math.max(to - range.seconds, Math.min(to - 60, known[0]?.time ?? to));
  const samples = known.filter((sample) => sample.time >= from);
  const count = samples.length;
  const key = `${count}|${samples[0]?.time}|${samples.at(-1)?.time}`;
  const common = useMemo(() => {
    const line = (series: Series, label: string, color: string, more: Partial<Line> = {}): Line => ({
      label, color, values: samples.map((sample) => sample[series]), ...more,
    });
    return {
      times: samples.map((sample) => sample.time),
      load: [
        line("load", "load per instance", "--accent", { fill: true }),
        line("up", "adds above", "--rise", { dash: true }),
        line("down", "removes idle below", "--fall", { dash: true }),
      ],
      requests: [
        line("success", "2xx", "--success", { fill: true }), line("redirect", "3xx", "--redirect"),
        line("clientError", "4xx", "--client-error"), line("serverError", "5xx", "--server-error"),
      ],
      latency: [line("p50", "p50", "--hue-2"), line("p95", "p95", "--hue-4"), line("p99", "p99", "--hue-3")],
      flight: [
        line("requests", "requests", "--accent", { fill: true }), line("streams", "streams", "--hue-3"),
        line("waiting", "waiting", "--server-error"),
      ],
      states: [
        line("target", "target", "--muted", { dash: true }), line("ready", "ready", "--ready", { fill: true }),
        line("starting", "starting", "--starting"), line("draining", "draining", "--draining"), line("unhealthy", "unhealthy", "--unhealthy"),
      ],
      cpu: [line("cpu", "all", "--muted", { dash: true }), ...perInstance(samples, (usage) => usage.cpu)],
      memory: [line("memory", "all", "--muted", { dash: true }), ...perInstance(samples, (usage) => usage.memory || null)],
    };
  }, [app, key]);
  const marks = useMemo(() => decisions(app).filter((mark) => mark.time >= from), [app.events, app.past, app.pool?.lastDecision?.time, key]);
  const all = { times: common.times, from, to };
  return (
    <section class="plots" aria-label="Over time">
      <header class="bar">
        <h2>Over time</h2>
        <div class="choice" role="group" aria-label="Span of time">
          {ranges.map((one) => (
            <button key={one.label} type="button" aria-pressed={range === one} onClick={() => onRange(one)}>{one.label}</button>
          ))}
        </div>
      </header>
      <p class="past" role="status">{app.past?.error ?? (app.reading ? "Reading the past…" : "")}</p>
      <Plot {...all} class="wide" title="Load" note="of the ready instances and the waiting requests, per ready instance; arrows are decisions"
        lines={common.load} marks={marks} format={figure} height={190} floor={1} />
      <Plot {...all} title="Requests per second" lines={common.requests} format={figure} />
      <Plot {...all} title="Response time" lines={common.latency} format={milliseconds} />
      <Plot {...all} title="In flight and waiting" lines={common.flight} format={figure} floor={4} />
      <Plot {...all} title="Instances" lines={common.states} format={figure} floor={4} />
      <Plot {...all} title="Processors per instance" lines={common.cpu} format={figure} floor={0.2} legend={4} />
      <Plot {...all} title="Memory per instance" lines={common.memory} format={bytes} floor={2 ** 25} steps={powers} legend={4} />
    </section>
  );
}
