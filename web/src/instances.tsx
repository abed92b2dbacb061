// The instances as rows; on a narrow screen each row is a card.
import { ago, arrows, bytes, figure, milliseconds, percent, short } from "./format";
import { stateOf } from "./overview";
import { type App, now } from "./store";
import type { Instance } from "./types";

/** errors returns how many requests have failed because of an instance, and which part. */
function errors(one: Instance): string {
  const failures = Number(one.failures);
  return failures > 0 ? `${figure(failures)} (${percent(failures / Math.max(1, Number(one.totalRequests)))})` : "0";
}

/** Instances lists the instances of an app. */
export function Instances({ app, onDrain, onLog }: { app: App; onDrain: (id: string) => void; onLog: (id: string) => void }) {
  const usage = app.history.samples.at(-1)?.usage;
  const instances = app.pool?.instances ?? [];
  return (
    <section class="instances" aria-labelledby="instances-title">
      <header class="bar">
        <h2 id="instances-title">Instances</h2>
        <button type="button" class="quiet" onClick={() => onLog("")}>Log of all</button>
      </header>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Instance</th><th scope="col">State</th><th scope="col" class="text">Why</th>
              <th scope="col">In flight</th><th scope="col">Streams</th><th scope="col">Per second</th><th scope="col">Errors</th><th scope="col">Response</th>
              <th scope="col">Load</th><th scope="col">CPU</th><th scope="col">Memory</th><th scope="col">Age</th><th scope="col">Version</th>
              <th scope="col"><span class="hidden">Action</span></th>
            </tr>
          </thead>
          <tbody>
            {instances.map((one) => {
              const state = stateOf(one);
              const serving = state === "ready" || state === "unhealthy" || state === "ejected";
              return (
                <tr key={one.id}>
                  <th scope="row"><code title={one.id}>{short(one.id)}</code> <small>{one.address.replace("127.0.0.1", "")} {one.handle}</small></th>
                  <td data-label="State"><span class="state" data-state={state}>{state}</span></td>
                  <td data-label="Why" class="text">{arrows(one.stateReason)}</td>
                  <td data-label="In flight">{figure(one.inFlight - one.streams)}</td>
                  <td data-label="Streams">{figure(one.streams)}</td>
                  <td data-label="Per second">{figure(usage?.get(one.id)?.rate)}</td>
                  <td data-label="Errors" data-alarm={Number(one.failures) > 0 ? "" : undefined}>{errors(one)}</td>
                  <td data-label="Response">{milliseconds(one.responseTimeMs || null)}</td>
                  <td data-label="Load">{figure(one.load)}</td>
                  <td data-label="CPU">{figure(one.cpuCores)}</td>
                  <td data-label="Memory">{bytes(Number(one.memoryBytes) || null)}</td>
                  <td data-label="Age">{ago(one.startTime, now())}</td>
                  <td data-label="Version">{one.version || "–"}{one.staged && <small> new</small>}</td>
                  <td class="action">
                    <button type="button" class="quiet" onClick={() => onLog(one.id)}>Log<span class="hidden"> of {short(one.id)}</span></button>
                    {serving && <button type="button" class="quiet" onClick={() => onDrain(one.id)}>Drain<span class="hidden"> {short(one.id)}</span></button>}
                  </td>
                </tr>
              );
            })}
            {instances.length === 0 && <tr><td colSpan={14} class="text">No instance runs.</td></tr>}
          </tbody>
        </table>
      </div>
    </section>
  );
}
