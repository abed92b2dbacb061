// The deploy in progress.
import { figure, percent, span } from "./format";
import { now } from "./store";
import type { DeployState } from "./types";

/** words are the phases, for people. */
const words: Record<DeployState["phase"], string> = {
  DEPLOY_PHASE_UNSPECIFIED: "", DEPLOY_PHASE_STARTING: "its instances are starting", DEPLOY_PHASE_CANARY: "canary",
  DEPLOY_PHASE_SHIFTING: "the canary was good, more instances are starting", DEPLOY_PHASE_DONE: "done",
};

/** Deploying shows how far a deploy is. */
export function Deploying({ state, from }: { state: DeployState; from: string }) {
  const end = state.canaryEndTime ? Date.parse(state.canaryEndTime) / 1000 : undefined;
  const requests = Math.min(Number(state.canaryRequests), Number(state.otherRequests));
  return (
    <div class="deploying" role="status" aria-label="Deploy in progress">
      <p><b>Deploying {state.version}</b>{from && ` in place of ${from}`}: {words[state.phase]}</p>
      {end !== undefined && (
        <>
          <p>
            It gets {percent(state.share)} of the requests for another {span(end - now())}. It has had {figure(Number(state.canaryRequests))} requests and
            the present version {figure(Number(state.otherRequests))}; a verdict takes {state.minRequests} of each.
          </p>
          <progress max={state.minRequests} value={Math.min(requests, state.minRequests)} aria-label="Requests that a verdict takes" />
        </>
      )}
      {state.outlook && <p class="error">{state.outlook}</p>}
    </div>
  );
}
