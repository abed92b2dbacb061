// The first screen: is it well, how much load, why this number of instances.
import { Deploying } from "./deploy";
import { ago, arrows, figure, milliseconds, percent, short, span } from "./format";
import { loadOf, mean } from "./history";
import { type App, type Link, now } from "./store";
import type { Instance, Pool } from "./types";
import { errorPart, judge } from "./verdict";

/** stateOf returns the state of an instance in one word. */
export function stateOf(one: Instance): string {
  if (one.ejectedUntil && one.state === "INSTANCE_STATE_READY") return "ejected";
  return one.state.replace("INSTANCE_STATE_", "").toLowerCase();
}

/** Overview is the first screen of an app. */
export function Overview({ app, link, actions }: { app: App; link: Link; actions: preact.ComponentChildren }) {
  const verdict = judge(app, link);
  const pool = app.pool;
  return (
    <section class="overview" aria-label="Overview">
      <div class="verdict" data-level={verdict.level}>
        <h2><i aria-hidden="true" /><span role="status">{verdict.title}</span></h2>
        {verdict.troubles.length > 0 && <ul>{verdict.troubles.map((text) => <li key={text}>{text}</li>)}</ul>}
        {pool?.deploy && <Deploying state={pool.deploy} from={pool.version} />}
        {pool && <Why pool={pool} />}
        {actions}
      </div>
      {pool && <Ladder pool={pool} />}
      {pool && <Figures app={app} pool={pool} />}
    </section>
  );
}

/** Why says why there is this number of instances. */
function Why({ pool }: { pool: Pool }) {
  const decision = pool.lastDecision;
  const held = pool.holdUntil ? `held for another ${span(Date.parse(pool.holdUntil) / 1000 - now())}, so the number stays` : "";
  const load = loadOf(pool);
  const position = load > pool.scaleUpThreshold
    ? `above ${figure(pool.scaleUpThreshold)}, ${pool.target >= pool.maxInstances ? "but the number is at its upper bound" : "so instances are added"}`
    : load < pool.scaleDownThreshold
      ? `below ${figure(pool.scaleDownThreshold)}, ${pool.target <= pool.minInstances ? "but the number is at its lower bound" : "so instances that stay idle are removed"}`
      : `between ${figure(pool.scaleDownThreshold)} and ${figure(pool.scaleUpThreshold)}, so the number stays`;
  return (
    <dl class="why">
      <dt>Why {pool.target}</dt>
      <dd>
        {decision ? arrows(decision.reason) : `the lower bound is ${pool.minInstances}`}
        {decision?.time && <small> {ago(decision.time, now())} ago{decision.rule && `, rule ${decision.rule}`}</small>}
      </dd>
      <dt>Next</dt>
      <dd>{pool.paused ? "The number stays while the app is paused." : `Load per instance is ${figure(load)}: ${held || position}.`} <small>bounds {pool.minInstances} to {pool.maxInstances}</small></dd>
    </dl>
  );
}

/** Ladder shows the load of each instance against both thresholds. */
function Ladder({ pool }: { pool: Pool }) {
  const top = Math.max(pool.scaleUpThreshold * 1.5, ...pool.instances.map((one) => one.load)) || 1;
  const height = (load: number) => `${Math.min(100, (100 * load) / top)}%`;
  return (
    <div class="ladder">
      <h3>Load of each instance</h3>
      <div class="rungs" role="img" aria-label={pool.instances.map((one) => `${short(one.id)} ${stateOf(one)}, load ${figure(one.load)}`).join("; ") || "no instance"}>
        <span class="threshold up" style={{ bottom: height(pool.scaleUpThreshold) }}>adds above {figure(pool.scaleUpThreshold)}</span>
        <span class="threshold down" style={{ bottom: height(pool.scaleDownThreshold) }}>removes below {figure(pool.scaleDownThreshold)}</span>
        {pool.instances.map((one) => (
          <span class="rung" key={one.id} data-state={stateOf(one)} title={`${short(one.id)} ${stateOf(one)}, load ${figure(one.load)}`}>
            <i style={{ height: height(one.load) }} />
          </span>
        ))}
        {pool.instances.length === 0 && <p>no instance</p>}
      </div>
    </div>
  );
}

/** Figures are the numbers of the last seconds. */
function Figures({ app, pool }: { app: App; pool: Pool }) {
  const samples = app.history.samples;
  const of = (series: Parameters<typeof mean>[1]) => mean(samples, series);
  const rate = samples.length > 1 ? (["success", "redirect", "clientError", "serverError"] as const).reduce((sum, one) => sum + (of(one) ?? 0), 0) : null;
  const ready = pool.instances.filter((one) => one.state === "INSTANCE_STATE_READY" && !one.staged).length;
  const last = samples.at(-1);
  const all: [label: string, value: string, more: string, alarm?: boolean][] = [
    ["Instances", `${ready} / ${pool.target}`, "ready / wanted", ready < pool.target],
    ["Requests", figure(rate === null ? null : Math.round(rate * 10) / 10), "per second"],
    ["Errors", percent(errorPart(app)), "of the responses are 5xx", (errorPart(app) ?? 0) >= 0.01],
    ["Response time", milliseconds(of("p50")), `p95 ${milliseconds(of("p95"))}, p99 ${milliseconds(of("p99"))}`],
    ["In flight", figure(last?.requests), `${figure(last?.streams)} streams beside`],
    ["Waiting", figure(pool.waitingRequests), "in the queue", pool.waitingRequests > 0],
  ];
  return (
    <dl class="figures">
      {all.map(([label, value, more, alarm]) => (
        <div key={label} data-alarm={alarm ? "" : undefined}>
          <dt>{label}</dt>
          <dd>{value}<small>{more}</small></dd>
        </div>
      ))}
    </dl>
  );
}
