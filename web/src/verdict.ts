// Whether an app is well, and what is wrong with it, in words.
import { plural, percent } from "./format";
import { mean } from "./history";
import type { App, Link } from "./store";

export type Level = "well" | "busy" | "ill" | "down" | "unknown";

/** Verdict is the answer to: is it well? */
export interface Verdict {
  level: Level;
  title: string;
  troubles: string[];
}

/** errorPart returns which part of the recent responses has a status of 500 and above. */
export function errorPart(app: App): number | null {
  const of = (series: "success" | "redirect" | "clientError" | "serverError") => mean(app.history.samples, series, 10);
  const errors = of("serverError");
  const all = (of("success") ?? 0) + (of("redirect") ?? 0) + (of("clientError") ?? 0) + (errors ?? 0);
  return errors === null ? null : all > 0 ? errors / all : 0;
}

/** judge returns the verdict on an app. */
export function judge(app: App, link: Link): Verdict {
  const pool = app.pool;
  if (!pool) return { level: "unknown", title: "Reading the state", troubles: [] };
  const ready = pool.instances.filter((one) => one.state === "INSTANCE_STATE_READY").length;
  const unhealthy = pool.instances.filter((one) => one.state === "INSTANCE_STATE_UNHEALTHY").length;
  const ejected = pool.instances.filter((one) => one.ejectedUntil).length;
  const starting = pool.instances.filter((one) => one.state === "INSTANCE_STATE_STARTING").length;
  const errors = errorPart(app);
  const ill = [
    unhealthy > 0 && `${plural(unhealthy, "instance")} unhealthy`,
    ejected > 0 && `${plural(ejected, "instance")} ejected after failures`,
    errors !== null && errors >= 0.01 && `${percent(errors)} of the responses are errors`,
    pool.unavailableReason,
    pool.configError && `config rejected: ${pool.configError}`,
    ...app.certificates.filter((one) => one.error).map((one) => `certificate ${one.name}: ${one.error}`),
  ].filter((text): text is string => Boolean(text));
  const busy = [
    pool.brake,
    (mean(app.history.samples, "waiting", 3) ?? 0) >= 1 && `${plural(pool.waitingRequests, "request")} waiting for an instance`,
    pool.deploy?.outlook,
    pool.configReloading && "a new configuration is being tried",
  ].filter((text): text is string => Boolean(text));
  const all = [...ill, ...busy];
  if (link.kind === "lost") return { level: "unknown", title: "No connection to dynlb", troubles: [link.why] };
  if (pool.paused) return { level: "busy", title: "Paused: requests wait", troubles: all };
  if (ready === 0 && pool.target > 0) {
    return starting > 0 && ill.length === 0
      ? { level: "busy", title: "Starting", troubles: all }
      : { level: "down", title: "Down: no instance is ready", troubles: all };
  }
  if (ill.length > 0) return { level: "ill", title: "Serving, with trouble", troubles: all };
  if (pool.target === 0) return { level: "well", title: "At rest: the next request starts an instance", troubles: all };
  if (busy.length > 0) return { level: "busy", title: "Serving, under pressure", troubles: all };
  return { level: "well", title: "All well", troubles: [] };
}
