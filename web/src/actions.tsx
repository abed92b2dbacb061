// The buttons, and the dialogs that say what each will do before it is done.
import { useEffect, useRef, useState } from "preact/hooks";
import { deploy, drainInstance, pauseApp, restart, resumeApp, rollback, scaleTo } from "./client";
import { plural, short } from "./format";
import type { Store } from "./store";
import type { Pool } from "./types";

/** Task is what a dialog asks about. */
export type Task = { kind: "scale" } | { kind: "hold" } | { kind: "release" } | { kind: "restart" } | { kind: "pause" } | { kind: "resume" } | { kind: "deploy" } | { kind: "rollback" } | { kind: "drain"; id: string };

/** holds are the times for which a target can be held. */
const holds: [label: string, seconds: number][] = [["5 minutes", 300], ["15 minutes", 900], ["1 hour", 3600], ["8 hours", 28_800], ["24 hours", 86_400]];

/** Actions are the buttons of an app. */
export function Actions({ pool, onTask, disabled }: { pool: Pool; onTask: (task: Task) => void; disabled: boolean }) {
  const button = (kind: Exclude<Task["kind"], "drain">, label: string, class_ = "") => (
    <button type="button" class={class_} disabled={disabled} onClick={() => onTask({ kind })}>{label}</button>
  );
  return (
    <div class="actions" role="group" aria-label="Actions">
      {button("scale", "Scale…")}
      {pool.holdUntil ? button("release", "Release hold…") : button("hold", "Hold…")}
      {button("restart", "Restart…")}
      {!pool.deploy && button("deploy", "Deploy…")}
      {button("rollback", "Roll back…")}
      {pool.paused ? button("resume", "Resume…", "main") : button("pause", "Pause…")}
    </div>
  );
}

/** Form is what can be chosen in a dialog. */
interface Form {
  target: number;
  hold: number; // seconds; 0: none
  surge: number;
  version: string;
  canary: number; // percent; 0: none
  minutes: number; // of the canary
}

/** versionOf names the version in force. */
const versionOf = (pool: Pool) => pool.version || "the present version";

const holdText = (seconds: number) => holds.find(([, one]) => one === seconds)?.[0] ?? "";

/** effect says what a task will do. */
function effect(task: Task, form: Form, pool: Pool): string {
  const change = form.target - pool.target;
  switch (task.kind) {
    case "scale":
    case "hold": {
      const first = change > 0 ? `${plural(change, "instance")} will be started.`
        : change < 0 ? `${plural(-change, "instance")} will drain, and stop when its requests have ended.` : "No instance is started or stopped.";
      return `${first} ${form.hold > 0 ? `The autoscaler keeps ${form.target} for ${holdText(form.hold)}.` : "The autoscaler goes on from there at its next check."}`;
    }
    case "release":
      return `The autoscaler goes on from ${pool.target} at its next check.`;
    case "restart":
      return `Each of the ${plural(pool.instances.length, "instance")} is replaced by a new one, ${form.surge} at a time. A new one is ready before an old one drains, so no request is lost.`;
    case "pause":
      return "New requests wait in the queue; those at instances finish. Requests that wait too long, or find the queue full, get a 503. The number of instances stays.";
    case "resume":
      return `The requests that wait (${pool.waitingRequests}) are given to instances, in their order.`;
    case "deploy": {
      const name = form.version || "the version";
      const begin = `Instances of ${name} are started beside those of ${versionOf(pool)}. When they are ready, they get`;
      const end = `If they do not become ready, ${versionOf(pool)} stays.`;
      return form.canary > 0
        ? `${begin} ${form.canary} % of the requests for ${plural(form.minutes, "minute")}, and all if they are not worse. Both versions must have had 50 requests by then. ${end}`
        : `${begin} all requests at the same moment, and the others drain. ${end}`;
    }
    case "rollback":
      if (pool.deploy) return `The deploy of ${pool.deploy.version} ends: its instances drain, and ${versionOf(pool)} stays.`;
      return `Instances of ${pool.previousVersion || "the version before"} are started. When they are ready, they get all requests, and those of ${versionOf(pool)} drain.`;
    case "drain":
      return "A new instance is started first. When it is ready, this one gets no new requests, and stops when its requests have ended.";
  }
}

const titles: Record<Task["kind"], string> = {
  scale: "Scale", hold: "Hold the number", release: "Release the hold", restart: "Restart all instances", pause: "Pause", resume: "Resume", deploy: "Deploy", rollback: "Roll back", drain: "Drain",
};

/** carryOut has the server do a task, and notes the outcome. */
async function carryOut(task: Task, form: Form, store: Store, progress: (text: string) => void): Promise<string> {
  const app = store.selected;
  switch (task.kind) {
    case "scale":
    case "hold":
    case "release": {
      const hold = task.kind !== "release" && form.hold > 0 ? { hold: `${form.hold}s` } : {};
      const done = await scaleTo({ app, target: form.target, ...hold });
      return `ScaleTo ${done.app}: ${done.oldTarget} → ${done.newTarget}${hold.hold ? `, held for ${holdText(form.hold)}` : ""}`;
    }
    case "restart": {
      let last = "";
      for await (const step of restart({ app, maxSurge: form.surge })) progress(last = `${step.replaced} of ${step.total} replaced`);
      return `RestartInstances ${app}: ${last}`;
    }
    case "pause":
      return `PauseApp ${app}: ${(await pauseApp({ app })).changed ? "requests wait from now on" : "it was paused already"}`;
    case "resume":
      return `ResumeApp ${app}: ${(await resumeApp({ app })).changed ? "requests go to instances again" : "it was not paused"}`;
    case "deploy": {
      const canary = form.canary > 0 ? { canary: form.canary / 100, canaryTime: `${60 * form.minutes}s` } : {};
      let last = "";
      for await (const step of deploy({ app, version: form.version, ...canary })) progress(last = step.text);
      return `Deploy ${app}: ${last}`;
    }
    case "rollback": {
      let last = "";
      for await (const step of rollback({ app })) progress(last = step.text);
      return `Rollback ${app}: ${last}`;
    }
    case "drain":
      await drainInstance({ app, instanceId: task.id });
      return `DrainInstance ${app}: ${short(task.id)} is being replaced`;
  }
}

/** Dialog asks whether to do a task, and does it. */
export function Dialog({ task, store, pool, onClose }: { task: Task; store: Store; pool: Pool; onClose: () => void }) {
  const frame = useRef<HTMLDialogElement>(null);
  const [form, setForm] = useState<Form>({ target: pool.target, hold: task.kind === "hold" ? 900 : 0, surge: 1, version: "", canary: 0, minutes: 5 });
  const [state, setState] = useState<{ busy?: string; error?: string }>({});
  useEffect(() => {
    const back = document.activeElement as HTMLElement | null;
    frame.current!.showModal();
    return () => back?.focus();
  }, []);
  const set = (part: Partial<Form>) => setForm({ ...form, ...part });
  const submit = async (event: Event) => {
    event.preventDefault();
    setState({ busy: "Asking dynlb" });
    try {
      store.note(await carryOut(task, form, store, (busy) => setState({ busy })));
      if (frame.current) onClose(); // else it was closed meanwhile
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      store.note(`${titles[task.kind]}: ${text}`, true);
      setState({ error: text });
    }
  };
  const title = task.kind === "drain" ? `Drain ${short(task.id)}` : titles[task.kind];
  return (
    <dialog ref={frame} aria-labelledby="task-title" aria-describedby="task-effect" onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id="task-title">{title} <small>{store.selected}</small></h2>
        {(task.kind === "scale" || task.kind === "hold") && (
          <>
            <label>Instances, {pool.minInstances} to {pool.maxInstances}
              <input type="number" required min={pool.minInstances} max={pool.maxInstances} value={form.target} autoFocus
                onInput={(event) => set({ target: event.currentTarget.valueAsNumber })} />
            </label>
            <label>Keep that number
              <select value={form.hold} onChange={(event) => set({ hold: Number(event.currentTarget.value) })}>
                {task.kind === "scale" && <option value={0}>until the next check</option>}
                {holds.map(([label, seconds]) => <option key={seconds} value={seconds}>for {label}</option>)}
              </select>
            </label>
          </>
        )}
        {task.kind === "restart" && (
          <label>At a time
            <input type="number" required min={1} max={100} value={form.surge} autoFocus onInput={(event) => set({ surge: event.currentTarget.valueAsNumber })} />
          </label>
        )}
        {task.kind === "deploy" && <Version form={form} set={set} />}
        <p id="task-effect">{effect(task, form, pool)}</p>
        <p class="progress" role="status">{state.busy}</p>
        {state.error && <p class="error" role="alert">{state.error}</p>}
        <div class="buttons">
          <button type="button" onClick={onClose}>{state.busy ? "Close" : "Cancel"}</button>
          <button type="submit" class="main" disabled={Boolean(state.busy)}>{titles[task.kind]}</button>
        </div>
      </form>
    </dialog>
  );
}

/** Version asks which version is deployed, and how. */
function Version({ form, set }: { form: Form; set: (part: Partial<Form>) => void }) {
  return (
    <>
      <label>Version
        <input required autoFocus autoComplete="off" value={form.version} aria-describedby="version-help" onInput={(event) => set({ version: event.currentTarget.value.trim() })} />
      </label>
      <small id="version-help">A folder in <code>releases</code> of the config, an absolute path, or a label for <code>{"{version}"}</code> in <code>command</code> or <code>env</code>.</small>
      <label>Canary: percent of the requests at first, 0 for none
        <input type="number" required min={0} max={99} value={form.canary} onInput={(event) => set({ canary: event.currentTarget.valueAsNumber || 0 })} />
      </label>
      {form.canary > 0 && (
        <label>Minutes of the canary
          <input type="number" required min={1} max={1440} value={form.minutes} onInput={(event) => set({ minutes: event.currentTarget.valueAsNumber || 1 })} />
        </label>
      )}
    </>
  );
}
