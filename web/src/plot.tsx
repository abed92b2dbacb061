// A plot over time, with a legend that shows values, and a table with the same content.
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { clock, moment } from "./format";

/** Line is one series of a plot. */
export interface Line {
  label: string;
  color: string; // a custom property: --success
  values: (number | null)[];
  fill?: boolean;
  dash?: boolean;
}

/** Mark is a moment that a plot shows, such as a decision. */
export interface Mark {
  time: number;
  up: boolean;
  text: string;
}

interface Props {
  title: string;
  note?: string;
  times: number[];
  lines: Line[];
  from: number;
  to: number;
  format: (value: number | null) => string;
  marks?: Mark[];
  height?: number;
  floor?: number; // the smallest maximum of the y axis
  steps?: number[]; // between the values at the y axis
  legend?: number; // how many lines the legend shows
  class?: string;
}

const property = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** translucent returns a colour with 12 % of its opacity. */
const translucent = (color: string) => `color-mix(in srgb, ${color} 12%, transparent)`;

/** sync moves the cursors of all plots together. */
const sync = uPlot.sync("time");

/** drawMarks draws a line with an arrow at each mark. */
function drawMarks(plot: uPlot, marks: Mark[]) {
  const { ctx, bbox } = plot;
  const unit = devicePixelRatio;
  ctx.save();
  ctx.lineWidth = unit;
  for (const mark of marks) {
    const x = plot.valToPos(mark.time, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    const color = property(mark.up ? "--rise" : "--fall");
    ctx.strokeStyle = ctx.fillStyle = color;
    ctx.globalAlpha = 0.55;
    ctx.setLineDash([3 * unit, 3 * unit]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top + 9 * unit);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.globalAlpha = 1;
    const tip = bbox.top + (mark.up ? 0 : 8 * unit);
    const base = bbox.top + (mark.up ? 8 * unit : 0);
    ctx.beginPath();
    ctx.moveTo(x, tip);
    ctx.lineTo(x - 5 * unit, base);
    ctx.lineTo(x + 5 * unit, base);
    ctx.closePath();
    ctx.fill();
  }
  ctx.restore();
}

/** options returns what uPlot needs. The state is read when it draws. */
function options(props: () => Props, lines: Line[], onCursor: (index: number | null) => void): uPlot.Options {
  const axis: uPlot.Axis = {
    stroke: property("--muted"), grid: { stroke: property("--hair"), width: 1 }, ticks: { show: false },
    font: `11px ${property("--text-face")}`,
  };
  return {
    width: 300, height: props().height ?? 150, padding: [12, 24, 0, 0],
    legend: { show: false }, pxAlign: true,
    cursor: { sync: { key: sync.key }, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: true, range: () => [props().from, props().to] },
      y: { range: (_plot, _low, high) => [0, Math.max(props().floor ?? 1, (high ?? 0) * 1.12)] },
    },
    axes: [
      { ...axis, size: 24, gap: 6, space: 64, values: (_plot, ticks, _axis, _space, step) => ticks.map((tick) => timeAt(tick, step)) },
      { ...axis, size: 54, gap: 6, space: 34, ...(props().steps ? { incrs: props().steps! } : {}), values: (_plot, ticks) => ticks.map((tick) => props().format(tick)) },
    ],
    series: [{}, ...lines.map((line) => ({
      label: line.label, stroke: property(line.color), width: line.dash ? 1 : 1.6,
      ...(line.fill ? { fill: translucent(property(line.color)) } : {}),
      ...(line.dash ? { dash: [6, 4] } : {}),
      points: { show: false }, spanGaps: false,
    }))],
    hooks: {
      draw: [(plot) => drawMarks(plot, props().marks ?? [])],
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
    },
  };
}

/** timeAt returns what stands at a tick of the time axis. */
function timeAt(tick: number, step: number): string {
  if (step >= 86_400) return moment(tick, Number.POSITIVE_INFINITY).replace(/ \S+$/, "");
  if (step >= 3 * 3600) return moment(tick, Number.POSITIVE_INFINITY);
  return clock(tick).slice(0, step % 60 === 0 ? 5 : 8);
}

/** useTheme returns a number that changes with the colours. */
export function useTheme(): number {
  const [theme, setTheme] = useState(0);
  useEffect(() => {
    const next = () => setTheme((n) => n + 1);
    const query = matchMedia("(prefers-color-scheme: dark)");
    const observer = new MutationObserver(next);
    query.addEventListener("change", next);
    observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => {
      query.removeEventListener("change", next);
      observer.disconnect();
    };
  }, []);
  return theme;
}

/** Plot shows lines over time. */
export function Plot(props: Props) {
  const latest = useRef(props);
  latest.current = props;
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const [cursor, setCursor] = useState<number | null>(null);
  const theme = useTheme();
  const id = useId();
  const shape = props.lines.map((line) => line.label + line.color).join();
  const data = useMemo(() => [props.times, ...props.lines.map((line) => line.values)] as uPlot.AlignedData, [props.times, props.lines]);

  useEffect(() => {
    const element = frame.current!;
    const made = new uPlot(options(() => latest.current, latest.current.lines, setCursor), data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: latest.current.height ?? 150 }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape, theme]);
  useEffect(() => plot.current?.setData(data), [data, props.from, props.to, props.marks]);

  const at = cursor !== null && cursor < props.times.length ? cursor : props.times.length - 1;
  const near = cursor === null ? props.marks?.at(-1) : nearest(props.marks ?? [], props.times[at] ?? 0, (props.to - props.from) / 60);
  const shown = props.lines.slice(0, props.legend ?? props.lines.length);
  return (
    <figure class={`plot ${props.class ?? ""}`} aria-labelledby={id}>
      <figcaption>
        <h3 id={id}>{props.title}</h3>
        {props.note && <span class="note">{props.note}</span>}
        <span class="when">{cursor === null ? "" : moment(props.times[at] ?? 0, props.to)}</span>
      </figcaption>
      <ul class="legend">
        {shown.map((line) => (
          <li key={line.label}>
            <i class={line.dash ? "dash" : ""} style={{ color: `var(${line.color})` }} />
            {line.label} <b>{props.format(line.values[at] ?? null)}</b>
          </li>
        ))}
        {shown.length < props.lines.length && <li>and {props.lines.length - shown.length} more</li>}
      </ul>
      <div class="frame" ref={frame} aria-hidden="true" />
      <p class="near">{near && <><time>{moment(near.time, props.to)}</time> {near.text}</>}</p>
      <Table {...props} />
    </figure>
  );
}

/** nearest returns the mark that is nearest to a time, within a distance. */
function nearest(marks: Mark[], time: number, within: number): Mark | undefined {
  const close = marks.filter((mark) => Math.abs(mark.time - time) <= within);
  return close.sort((a, b) => Math.abs(a.time - time) - Math.abs(b.time - time))[0];
}

/** rows is how many moments a table shows. */
const rows = 12;

/** Table shows what a plot shows, for those who cannot see it. */
function Table(props: Props) {
  const [open, setOpen] = useState(false);
  const step = Math.max(1, Math.floor(props.times.length / rows));
  const shown = open ? props.times.map((_, i) => i).filter((i) => (props.times.length - 1 - i) % step === 0).slice(-rows).reverse() : [];
  return (
    <details class="table" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Table<span class="hidden"> of {props.title}</span></summary>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Time</th>
              {props.lines.map((line) => <th scope="col" key={line.label}>{line.label}</th>)}
            </tr>
          </thead>
          <tbody>
            {shown.map((i) => (
              <tr key={props.times[i]}>
                <th scope="row">{moment(props.times[i]!, props.to)}</th>
                {props.lines.map((line) => <td key={line.label}>{props.format(line.values[i] ?? null)}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
        {props.marks && props.marks.length > 0 && (
          <ol>{props.marks.slice(-rows).map((mark) => <li key={mark.time}>{moment(mark.time, props.to)}: {mark.text}</li>)}</ol>
        )}
      </div>
    </details>
  );
}
