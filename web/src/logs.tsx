// What the instances print: the last lines, and those that follow.
import { useEffect, useRef, useState } from "preact/hooks";
import { followLogs } from "./client";
import { clock, plural, short } from "./format";
import type { App } from "./store";
import type { LogLine } from "./types";

/** tail is how many lines of the past are shown, and maxLines how many are kept. */
const tail = 200;
const maxLines = 1000;

interface Props {
  app: App;
  instance: string; // "": all of the app
  connections: number; // the lines are read again when it changes
  onInstance: (id: string) => void;
  onClose: () => void;
}

/** Kept are the lines that were received, and how many were not shown because of a pause. */
interface Kept {
  lines: LogLine[];
  dropped: number;
  error?: string;
}

/** useLines follows the log of an instance. While it is paused, the lines stay as they are. */
function useLines({ app, instance, connections }: Props, paused: boolean): { shown: Kept; waiting: number } {
  const live = useRef<Kept>({ lines: [], dropped: 0 });
  const total = useRef(0);
  const [shown, setShown] = useState<Kept & { total: number }>({ lines: [], dropped: 0, total: 0 });
  const [, setTotal] = useState(0);
  const still = useRef(paused);
  still.current = paused;
  const show = () => (still.current ? setTotal(total.current) : setShown({ ...live.current, total: total.current }));
  useEffect(() => {
    const end = new AbortController();
    live.current = { lines: [], dropped: 0 };
    const read = async () => {
      try {
        for await (const message of followLogs(app.name, instance, tail, end.signal)) {
          const { lines, dropped } = live.current;
          total.current += message.lines.length;
          live.current = { lines: [...lines, ...message.lines].slice(-maxLines), dropped: dropped + Number(message.linesDropped) };
          show();
        }
      } catch (error) {
        if (end.signal.aborted) return;
        live.current = { ...live.current, error: error instanceof Error ? error.message : String(error) };
        show();
      }
    };
    void read();
    return () => end.abort();
  }, [app.name, instance, connections]);
  useEffect(show, [paused]);
  return { shown, waiting: total.current - shown.total };
}

/** level returns the level of a line; lines on stderr that say none have one of their own. */
const level = (line: LogLine) => line.level || (line.stream === "stderr" ? "stderr" : "");

/** Logs shows the log of one instance, or of all of an app. */
export function Logs(props: Props) {
  const { app, instance } = props;
  const [paused, setPaused] = useState(false);
  const [filter, setFilter] = useState("");
  const { shown, waiting } = useLines(props, paused);
  const frame = useRef<HTMLOListElement>(null);
  const words = filter.toLowerCase();
  const lines = shown.lines.filter((line) => !words || line.text.toLowerCase().includes(words));
  useEffect(() => {
    const element = frame.current;
    if (element && !paused) element.scrollTop = element.scrollHeight;
  }, [lines.length, shown, paused]);
  const ids = new Map<string, string>();
  for (const one of app.pool?.instances ?? []) ids.set(one.id, "");
  for (const one of app.exits) if (!ids.has(one.instanceId)) ids.set(one.instanceId, " (ended)");
  if (instance && !ids.has(instance)) ids.set(instance, " (ended)");
  return (
    <section class="logs" aria-labelledby="logs-title">
      <header class="bar">
        <h2 id="logs-title">Log</h2>
        <label><span class="hidden">Instance</span>
          <select value={instance} onChange={(event) => props.onInstance(event.currentTarget.value)}>
            <option value="">all instances</option>
            {[...ids].map(([id, more]) => <option key={id} value={id}>{short(id)}{more}</option>)}
          </select>
        </label>
        <label class="filter"><span class="hidden">Lines that contain</span>
          <input type="search" placeholder="Lines that contain…" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        </label>
        <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>{paused ? `Follow${waiting > 0 ? ` (${waiting} new)` : ""}` : "Pause log"}</button>
        <button type="button" class="quiet" onClick={props.onClose}>Close log</button>
      </header>
      {shown.error && <p class="error" role="alert">The log cannot be read: {shown.error}</p>}
      {shown.dropped > 0 && <p class="error">{plural(shown.dropped, "line")} missing: they came faster than this page reads.</p>}
      <ol ref={frame} tabIndex={0} aria-label={`Log of ${instance ? short(instance) : "all instances"}, oldest first`}>
        {lines.map((line, i) => (
          <li key={`${line.time}${i}`} data-level={level(line)}>
            <time dateTime={line.time}>{clock(line.time ?? "")}</time>
            {!instance && <code>{short(line.instanceId)}</code>}
            <span>{level(line) && <b>{level(line)} </b>}{line.message || line.text}</span>
          </li>
        ))}
        {lines.length === 0 && <li class="empty">{words ? "No line contains that." : "No line yet."}</li>}
      </ol>
    </section>
  );
}
