// What happened: events, exits, and what this page has had the server do.
import { useState } from "preact/hooks";
import { ago, arrows, clock, moment, short } from "./format";
import { type App, type Audit, now } from "./store";
import type { Event } from "./types";

/** kinds are the events by the words of their type. */
const word = (event: Event) => event.type.replace("EVENT_TYPE_", "").replaceAll("_", " ").toLowerCase();

/** Happenings shows the events and the exits of an app. */
export function Happenings({ app, audit, onLog }: { app: App; audit: Audit[]; onLog: (id: string) => void }) {
  const [kind, setKind] = useState("");
  const kinds = [...new Set(app.events.map(word))].sort();
  const events = app.events.filter((event) => !kind || word(event) === kind).slice(0, 100);
  return (
    <section class="happenings" aria-label="What happened">
      <div class="events">
        <header class="bar">
          <h2>Events</h2>
          <label><span class="hidden">Kind of event</span>
            <select value={kind} onChange={(event) => setKind(event.currentTarget.value)}>
              <option value="">all kinds</option>
              {kinds.map((one) => <option key={one} value={one}>{one}</option>)}
            </select>
          </label>
        </header>
        {events.length === 0 && <p class="empty">No event.</p>}
        <ol tabIndex={events.length > 8 ? 0 : undefined} aria-label="Events, newest first">
          {events.map((event) => (
            <li key={event.sequence} data-kind={word(event)}>
              <time dateTime={event.time}>{moment(event.time!, now())}</time>
              <b>{word(event)}</b>
              <span>{event.instanceId && <code>{short(event.instanceId)}</code>} {arrows(event.reason)}</span>
            </li>
          ))}
        </ol>
      </div>
      <div class="exits">
        <h2>Last exits</h2>
        {app.exits.length === 0 && <p class="empty">No instance has stopped unasked.</p>}
        {app.exits.map((exit, i) => (
          <details key={exit.instanceId + exit.time} open={i === 0}>
            <summary><code>{short(exit.instanceId)}</code> {exit.version && `of ${exit.version} `}{exit.reason} <small>{ago(exit.time, now())} ago</small></summary>
            <pre tabIndex={0} aria-label="Its last output">{exit.output.join("\n") || "(no output)"}</pre>
            <button type="button" class="quiet" onClick={() => onLog(exit.instanceId)}>Its log<span class="hidden">: {short(exit.instanceId)}</span></button>
          </details>
        ))}
        <h2>Your actions</h2>
        {audit.length === 0 && <p class="empty">None from this page.</p>}
        <ol class="audit" aria-live="polite">
          {audit.map((line) => <li key={line.number} data-failed={line.failed ? "" : undefined}><time>{clock(line.time)}</time> {line.text}</li>)}
        </ol>
      </div>
    </section>
  );
}
