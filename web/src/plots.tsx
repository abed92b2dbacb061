// The plots of an app.
import { useMemo, useState } from "preact/hooks";
import { arrows, bytes, figure, milliseconds, short } from "./format";
import type { Sample, Series, Usage } from "./history";
import { type Line, type Mark, Plot } from "./plot";
import { type App, now } from "./store";

/** ranges are the spans of time that can be shown. */
const ranges: [label: string, seconds: number][] = [["5 min", 300], ["15 min", 900], ["1 h", 3600]];

/** hues is how many colours there are for the lines of instances. */
const hues = 8;

/** maxLines bounds the instances that a plot shows: more cannot be told apart. */
const maxLines = 24;

/** powers are the steps at an axis of bytes, from 1 MiB on. */
const powers = Array.from({ length: 24 }, (_, i) => 2 ** (20 + i));

/** decisions returns the changes of the target as marks. */
export function decisions(app: App): Mark[] {
  const marks = app.events.filter((event) => event.type === "EVENT_TYPE_SCALED").map((event) => markOf(event.time!, event.rule, event.reason));
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

/** Plots shows how the app was over the last minutes. */
export function Plots({ app }: { app: App }) {
  const [range, setRange] = useState(300);
  const to = Math.max(now(), app.history.samples.at(-1)?.time ?? 0);
  // As long as the page knows less than that, it shows what it knows.
  const from = Math.max(to - range, Math.min(to - 60, app.history.samples[0]?.time ?? to));
  const samples = app.history.since(from);
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
      cpu: perInstance(samples, (usage) => usage.cpu),
      memory: perInstance(samples, (usage) => usage.memory || null),
    };
  }, [app, key]);
  const marks = useMemo(() => decisions(app).filter((mark) => mark.time >= from), [app.events, app.pool?.lastDecision?.time, key]);
  const all = { times: common.times, from, to };
  return (
    <section class="plots" aria-label="Over time">
      <header class="bar">
        <h2>Over time</h2>
        <div class="choice" role="group" aria-label="Span of time">
          {ranges.map(([label, seconds]) => (
            <button key={label} type="button" aria-pressed={range === seconds} onClick={() => setRange(seconds)}>{label}</button>
          ))}
        </div>
      </header>
      <Plot {...all} class="wide" title="Load" note="of all instances and waiting requests, per instance of the target; arrows are decisions"
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
