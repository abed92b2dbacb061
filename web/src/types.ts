// Written by types.mjs from the OpenAPI document. Do not edit.

export interface Any {
  "@type": string;
}

/** Certificate is a certificate of the public listener, or a name that has none yet. */
export interface Certificate {
  /** What is wrong with it and how to mend that, for people; empty if nothing is. */
  error: string;
  /** When it expires; unset while there is none. */
  expireTime?: string;
  /** The first name that it is for. */
  name: string;
  /** Where it comes from: "file", "acme" or "internal", an authority of the machine. */
  source: string;
}

/** Decision is a change of the target. */
export interface Decision {
  /** The reason with its figures, as in Event. */
  reason: string;
  /** The rule, as in Event. */
  rule: string;
  /** When it was decided. */
  time?: string;
}

/**
 * DeployPhase is how far a deploy is.
 *
 *  - DEPLOY_PHASE_UNSPECIFIED: Never sent.
 *  - DEPLOY_PHASE_STARTING: Instances of the new version are started, and not all are ready yet.
 *  - DEPLOY_PHASE_CANARY: The new version gets a part of the requests.
 *  - DEPLOY_PHASE_SHIFTING: The canary was good. As many instances of the new version are started as the app
 * needs.
 *  - DEPLOY_PHASE_DONE: The version has all requests.
 */
export type DeployPhase = "DEPLOY_PHASE_UNSPECIFIED" | "DEPLOY_PHASE_STARTING" | "DEPLOY_PHASE_CANARY" | "DEPLOY_PHASE_SHIFTING" | "DEPLOY_PHASE_DONE";

/** DeployRequest says what is deployed, and how. */
export interface DeployRequest {
  /** The name of the app; unset: the only one. */
  app?: string;
  /**
   * The part of the requests that the version gets at first, below 1: 0.1 is 10 %.
   * Unset or zero: there is no canary. There cannot be one with `fleet.kubernetes`.
   */
  canary?: number;
  /** How long the canary takes, 1 second to 24 hours. Unset: 5 minutes. */
  canaryTime?: string;
  /**
   * By how many times the rate of failed requests and the response times of the canary
   * may exceed those of the present version, 1 to 100. Unset: 2.
   */
  factor?: number;
  /** How many requests both versions must have had at the end of the canary. Unset: 50. */
  minRequests?: number;
  /**
   * The version: an absolute path, a folder in `releases` of the config, or a label if
   * the config has {version} in `command` or `env`. With `fleet.kubernetes`, an image.
   * Required.
   */
  version: string;
}

/** DeployResponse is a step of a deploy. */
export interface DeployResponse {
  /** The name of the app. */
  app: string;
  /** How far the deploy is. */
  phase: DeployPhase;
  /** What has happened, for people. */
  text: string;
  /** The label of the new version. */
  version: string;
}

/** DeployState is a deploy that is in progress. */
export interface DeployState {
  /** The end of the canary; unset in other phases. */
  canaryEndTime?: string;
  /** How many requests the new version has had since the canary began, counted once a second. */
  canaryRequests: string;
  /** How many requests both must have had at the end of the canary. */
  minRequests: number;
  /** How many the other version has had since then. */
  otherRequests: string;
  /**
   * Why the deploy will end without a verdict if nothing changes, for people: at the present
   * rate there will be too few requests. Empty if there will be enough, or that is not known
   * yet.
   */
  outlook: string;
  /** How far the deploy is. */
  phase: DeployPhase;
  /** The part of the requests that the new version gets: 0.1 is 10 %. */
  share: number;
  /** The label of the new version. */
  version: string;
}

/** DrainInstanceRequest names the instance. */
export interface DrainInstanceRequest {
  /** The name of the app; unset: the only one. */
  app?: string;
  /** The UUID of the instance. Required. */
  instanceId?: string;
}

/** DrainInstanceResponse says which instance is being replaced. */
export interface DrainInstanceResponse {
  /** The name of the app. */
  app: string;
  /** The UUID of the instance. */
  instanceId: string;
}

/**
 * DurationBucket counts the requests that took no longer than its bound, and longer
 * than that of the bucket before.
 */
export interface DurationBucket {
  /** The number of these requests. */
  count: string;
  /** The bound, in seconds. 0 in the last bucket: it has no bound. */
  upperSeconds: number;
}

/** Event is something that happened. */
export interface Event {
  /** The app it happened to. */
  app: string;
  /** The instance it happened to; empty when the event is about the app as a whole. */
  instanceId: string;
  /** Of EXITED: the last lines of the instance's output, oldest first. */
  output: string[];
  /**
   * Why it happened, with the figures it was decided on:
   * "avg load 4.2 > 3 over 5s: 2 -> 4".
   */
  reason: string;
  /**
   * Of SCALED: the rule that decided: "window", "reserve", "zero", "load", "queue",
   * "order", "bounds" or "schedule".
   */
  rule: string;
  /**
   * Its place among all events, which rises from event to event, also over a restart of
   * dynlb. The numbers of one app are not consecutive.
   */
  sequence: string;
  /** When it happened. */
  time?: string;
  /** The kind of event. */
  type: EventType;
  /**
   * Of EXITED: the label of the version of the app that the instance ran; empty if it had
   * none.
   */
  version: string;
}

/**
 * EventType is a kind of event.
 *
 *  - EVENT_TYPE_UNSPECIFIED: Never sent.
 *  - EVENT_TYPE_SCALED: The target changed.
 *  - EVENT_TYPE_STARTING: An instance was started.
 *  - EVENT_TYPE_READY: An instance may get requests.
 *  - EVENT_TYPE_UNHEALTHY: An instance gets no requests until it is ready again: it failed its health
 * checks, refused a connection, or was ejected.
 *  - EVENT_TYPE_DRAINING: An instance gets no new requests.
 *  - EVENT_TYPE_STOPPED: An instance is gone, and dynlb had stopped it or wanted it to end. That of any other
 * instance is EXITED.
 *  - EVENT_TYPE_START_FAILED: An instance could not be started.
 *  - EVENT_TYPE_CONFIG_LOADED: The configuration was read and put in force.
 *  - EVENT_TYPE_CONFIG_REJECTED: The configuration was rejected: it is invalid, or the instances that it asks
 * for could not be started.
 *  - EVENT_TYPE_BRAKED: The load calls for more instances than the machine can bear.
 *  - EVENT_TYPE_EXITED: An instance ended unasked, could not be started, or was replaced because it failed.
 * The reason names the requests that were with it, and `output` has its last lines. It is
 * gone, and has no STOPPED besides.
 *  - EVENT_TYPE_DEPLOYING: The deploy of a version began.
 *  - EVENT_TYPE_DEPLOYED: The version that was deployed has all requests.
 *  - EVENT_TYPE_DEPLOY_FAILED: A deploy has ended, and the version before it stays.
 *  - EVENT_TYPE_UNCLEAN_END: dynlb was started, and the one before it had ended without a shutdown: it was killed,
 * or the machine was switched off.
 *  - EVENT_TYPE_UPGRADED: Another binary of dynlb serves; see Upgrade.
 *  - EVENT_TYPE_UPGRADE_FAILED: An upgrade has changed nothing, or was taken back because the new binary failed.
 */
export type EventType = "EVENT_TYPE_UNSPECIFIED" | "EVENT_TYPE_SCALED" | "EVENT_TYPE_STARTING" | "EVENT_TYPE_READY" | "EVENT_TYPE_UNHEALTHY" | "EVENT_TYPE_DRAINING" | "EVENT_TYPE_STOPPED" | "EVENT_TYPE_START_FAILED" | "EVENT_TYPE_CONFIG_LOADED" | "EVENT_TYPE_CONFIG_REJECTED" | "EVENT_TYPE_BRAKED" | "EVENT_TYPE_EXITED" | "EVENT_TYPE_DEPLOYING" | "EVENT_TYPE_DEPLOYED" | "EVENT_TYPE_DEPLOY_FAILED" | "EVENT_TYPE_UNCLEAN_END" | "EVENT_TYPE_UPGRADED" | "EVENT_TYPE_UPGRADE_FAILED";

/** Exit is how an instance ended. */
export interface Exit {
  /** The app it was an instance of. */
  app: string;
  /** The instance. */
  instanceId: string;
  /** The last lines of its output, oldest first. */
  output: string[];
  /** Why, for people: "exit status 1", "signal: killed". */
  reason: string;
  /** When it ended. */
  time?: string;
  /** The label of the version of the app that it ran; empty if it had none. */
  version: string;
}

/** GetHistoryResponse has figures of an app over time. */
export interface GetHistoryResponse {
  /** The app. */
  app: string;
  /** The points, oldest first. */
  points: HistoryPoint[];
  /** The time from point to point. There is no point for a time in which dynlb did not run. */
  step: string;
}

/** GetStatusResponse is the state of an app, in short and in full. */
export interface GetStatusResponse {
  /**
   * The certificates of the public listener, which all apps share, by name. Empty: it
   * speaks plain HTTP.
   */
  certificates: Certificate[];
  /** The short form, the answer to `GET /lb-status`. Its JSON keys are fixed. */
  lbStatus?: LbStatus;
  /** The whole state. */
  pool?: Pool;
  /** The processes of dynlb, which all apps share. */
  process?: Process;
}

/**
 * HistoryPoint is what happened in an interval. Counts are of the interval; other
 * figures are averages of samples that are taken once a second, if not said otherwise.
 */
export interface HistoryPoint {
  /** Processors that all instances use. */
  cpuCores: number;
  /** Instances that are draining, at the end. */
  draining: number;
  /** Failed requests whose error came from the client. */
  errorsClient: number;
  /** Failed requests whose error came from dynlb. */
  errorsDynlb: number;
  /** Failed requests whose error came from the instance. */
  errorsInstance: number;
  /** Requests in flight, streams included. */
  inFlight: number;
  /**
   * The figures of each instance at the end, if the request asks for them. Figures that
   * are older than two days have none.
   */
  instances: InstancePoint[];
  /**
   * The load of the ready instances and of the requests that wait, for each ready
   * instance.
   */
  load: number;
  /** The upper bound of `target`, at the end. */
  maxInstances: number;
  /** Resident memory of all instances in bytes. */
  memoryBytes: number;
  /** The lower bound of `target`, at the end. */
  minInstances: number;
  /**
   * The time in milliseconds within which half of the requests were answered; 0 without
   * requests. It is exact to 10 %. When points are merged into one with a longer step,
   * it is the average by requests.
   */
  p50Ms: number;
  /** That of 95 % of the requests. */
  p95Ms: number;
  /** That of 99 % of the requests. */
  p99Ms: number;
  /** Instances that are ready, at the end. */
  ready: number;
  /** Responses to clients by class; 1xx are connections that were upgraded. */
  responses1xx: number;
  /** Those with 2xx. */
  responses2xx: number;
  /** Those with 3xx. */
  responses3xx: number;
  /** Those with 4xx, and requests that the client gave up (499). */
  responses4xx: number;
  /** Those with 5xx. */
  responses5xx: number;
  /** Instances that replaced one which had failed. */
  restarts: number;
  /** Requests that were sent again. */
  retries: number;
  /** The load below which instances are removed, at the end. */
  scaleDownThreshold: number;
  /** The load above which instances are added, at the end. */
  scaleUpThreshold: number;
  /** Instances that are starting, at the end. */
  starting: number;
  /** Those of in_flight that are streams. */
  streams: number;
  /** How many instances there should be, at the end. */
  target: number;
  /** The end of the interval. */
  time?: string;
  /** Instances that are unhealthy, at the end. */
  unhealthy: number;
  /** Requests that wait for an instance. */
  waiting: number;
}

/** Instance is one running copy of the app. */
export interface Instance {
  /**
   * Where it is reached: host:port for TCP, else the network and the address,
   * "unix:/run/app.sock".
   */
  address: string;
  /** The app it is an instance of. */
  app: string;
  /**
   * Average number of processors it used between the last two measurements: 0.5
   * is half of one.
   */
  cpuCores: number;
  /**
   * Processor time that all its processes have used since its start; unset until
   * measured.
   */
  cpuTime: string;
  /**
   * The end of its ejection: until then it gets no requests although it is READY,
   * because several requests in a row failed on it. Unset when it is not ejected.
   * It gets requests all the same when every ready instance is ejected.
   */
  ejectedUntil?: string;
  /**
   * How many of its responses had a status of 500 and above, and how many requests got
   * none because of it.
   */
  failures: string;
  /**
   * The name of the instance to what runs it, such as "pid 4711"; empty until
   * known.
   */
  handle: string;
  /** A UUID, new for every start. */
  id: string;
  /** Requests in flight, those of siblings included. */
  inFlight: number;
  /**
   * Those of in_flight that siblings have. total_requests, response_time_ms and failures
   * are of this dynlb alone.
   */
  inFlightAtSiblings: number;
  /**
   * (in_flight - streams) + max(0, (response_time_ms - 100) / 1000) + what streams
   * do, where the second term fades with the time since the last response. What
   * streams do is one for every 256 KiB/s that they carry or, if that is more, four
   * for each processor that the instance uses beyond what its other requests account
   * for; at most `streams`.
   */
  load: number;
  /**
   * Resident memory of all its processes in bytes. It is measured once a second;
   * 0 before that, and where it cannot be measured.
   */
  memoryBytes: string;
  /** When it became ready for the first time; unset until then. */
  readyTime?: string;
  /**
   * Decaying average, with a time constant of 10 s, of the milliseconds from
   * sending a request to its response header; 0 until the first response.
   */
  responseTimeMs: number;
  /**
   * Whether it runs a version that is being deployed. It does not count towards the
   * target then.
   */
  staged: boolean;
  /** When it was started. */
  startTime?: string;
  /** Its place in the life cycle. */
  state: InstanceState;
  /** Why it is in `state`, for people. */
  stateReason: string;
  /**
   * Those of in_flight that are streams: connections that were upgraded, such as
   * WebSockets, and responses of server-sent events.
   */
  streams: number;
  /** Requests it was given since it started. */
  totalRequests: string;
  /** The label of the version of the app that it runs; empty if it has none. */
  version: string;
}

/** InstancePoint are the figures of one instance. */
export interface InstancePoint {
  /** Processors that it uses. */
  cpuCores: number;
  /** The instance. */
  id: string;
  /** Requests in flight. */
  inFlight: number;
  /** Its load. */
  load: number;
  /** Resident memory in bytes. */
  memoryBytes: number;
}

/**
 * InstanceState is a place in the life cycle: STARTING, then READY, UNHEALTHY
 * and READY again any number of times, then DRAINING, then STOPPED. A DRAINING
 * instance may be taken back into service, as READY.
 *
 *  - INSTANCE_STATE_UNSPECIFIED: Never sent.
 *  - INSTANCE_STATE_STARTING: It was started and has not been ready yet.
 *  - INSTANCE_STATE_READY: It may get requests.
 *  - INSTANCE_STATE_UNHEALTHY: It failed its health checks or refused a connection, and gets no new requests
 * until a health check succeeds.
 *  - INSTANCE_STATE_DRAINING: It gets no new requests, and stops when those in flight have finished.
 *  - INSTANCE_STATE_STOPPED: It is gone. A stopped instance is no longer listed.
 */
export type InstanceState = "INSTANCE_STATE_UNSPECIFIED" | "INSTANCE_STATE_STARTING" | "INSTANCE_STATE_READY" | "INSTANCE_STATE_UNHEALTHY" | "INSTANCE_STATE_DRAINING" | "INSTANCE_STATE_STOPPED";

/** Keeper is the main process of dynlb, which has the instances and the listeners. */
export interface Keeper {
  /** Its process id. */
  pid: number;
  /** When it was started. */
  startTime?: string;
  /** The version of its binary, with which dynlb was started. */
  version: string;
}

/**
 * LbInstance is one instance in `/lb-status`. All its JSON keys are always
 * present, and its numbers are JSON numbers.
 */
export interface LbInstance {
  /** Requests in flight. */
  activeRequests: number;
  /** Whether it may get requests. */
  healthy: boolean;
  /** The instance's UUID. */
  id: string;
  /**
   * active_requests, without those that are streams, + max(0, (response_time - 100)
   * / 1000), where the second term fades with the time since the last response, +
   * what streams do.
   */
  load: number;
  /** The TCP port it serves on; 0 when it has none. */
  port: number;
  /**
   * Decaying average of the milliseconds from sending a request to its response
   * header; 0 until the first response.
   */
  responseTime: number;
  /**
   * Requests it was given since it started. A double, not a uint64, because JSON
   * writes 64-bit integers of protobuf as strings; exact up to 2^53.
   */
  totalRequests: number;
}

/**
 * LbStatus is the body of `GET /lb-status`. Its JSON keys are `total`, `healthy`
 * and `instances`, and all are always present.
 */
export interface LbStatus {
  /** The number of instances that may get requests. */
  healthy: number;
  /** One entry per instance, in start order. */
  instances: LbInstance[];
  /** The number of instances that exist, starting and draining ones included. */
  total: number;
}

/** ListAppsResponse has the names of the apps. */
export interface ListAppsResponse {
  /** The names, in alphabetical order. */
  apps: string[];
}

/** ListEventsResponse has a page of events. */
export interface ListEventsResponse {
  /** The events. */
  events: Event[];
  /** How many events could not be kept since dynlb began, such as on a full disk. */
  eventsDropped: string;
  /** What to send for the next page; empty when this is the last one. */
  nextPageToken: string;
}

/** LogLine is a line that an instance has printed. */
export interface LogLine {
  /** The app. */
  app: string;
  /** The instance. */
  instanceId: string;
  /** Of a line that is a JSON object with a level: "debug", "info", "warn" or "error". */
  level: string;
  /** Of a line that is a JSON object with a message: the message. */
  message: string;
  /** "stdout" or "stderr". */
  stream: string;
  /** The line without its end and without control characters. */
  text: string;
  /** When dynlb read it. */
  time?: string;
}

/** PauseAppRequest names the app. */
export interface PauseAppRequest {
  /** The name of the app; unset: the only one. */
  app?: string;
}

/** PauseAppResponse says what was paused. */
export interface PauseAppResponse {
  /** The name of the app. */
  app: string;
  /** Whether it was not paused before. */
  changed: boolean;
}

/** Pool is the whole state of one app: its instances, and how many there should be. */
export interface Pool {
  /** The name of the app. */
  app: string;
  /** How many requests have asked for an instance since dynlb began, at siblings too. */
  arrivals: string;
  /**
   * Which limit of the machine keeps `target` from rising although the load calls
   * for it, for people; empty when none does.
   */
  brake: string;
  /**
   * Why the present configuration was rejected, for people; empty when it is in
   * force. A configuration that is rejected leaves the previous one in force.
   */
  configError: string;
  /** When the configuration in force was read. */
  configLoadTime?: string;
  /**
   * Whether a configuration is being tried: new instances are started with it, and
   * it is in force when they have replaced all others.
   */
  configReloading: boolean;
  /** The deploy in progress; unset when there is none. */
  deploy?: DeployState;
  /**
   * The time until which the autoscaler does not change `target`; unset when there
   * is no hold.
   */
  holdUntil?: string;
  /** Every instance that exists, in start order. */
  instances: Instance[];
  /** The last change of `target`; unset before the first one. */
  lastDecision?: Decision;
  /** The exit of the last instance that stopped unasked; unset when none did. */
  lastExit?: Exit;
  /**
   * The load of the ready instances and of the requests that wait, for each ready
   * instance; 0 if none is ready.
   */
  load: number;
  /** The upper bound of `target`. */
  maxInstances: number;
  /** The lower bound of `target`. */
  minInstances: number;
  /** Whether the app is paused: requests wait in the queue. See PauseApp. */
  paused: boolean;
  /**
   * The label of the version that was in force before, to which Rollback returns; empty
   * if there is none, or it has no label.
   */
  previousVersion: string;
  /** How many responses there were since dynlb began, at siblings too. */
  responses: string;
  /**
   * How many instances were started to replace one that had stopped unasked or
   * had failed to start, since dynlb began.
   */
  restarts: string;
  /**
   * How many times a request was sent again, on another connection or to another
   * instance, since dynlb began.
   */
  retries: string;
  /**
   * How many times a request was not sent again because the retry budget was used
   * up.
   */
  retriesDenied: string;
  /** The average load of an instance below which instances are removed. */
  scaleDownThreshold: number;
  /** The average load of an instance above which instances are added. */
  scaleUpThreshold: number;
  /**
   * How long instances have taken to respond, in all. Its difference over that of
   * `responses` is the mean service time.
   */
  serviceTime: string;
  /** How many other dynlbs give requests to the same instances, and tell what they have. */
  siblings: number;
  /** How many instances there should be, draining ones not counted. */
  target: number;
  /** The requests that have ended since dynlb began. */
  traffic?: Traffic;
  /** Why no instance can be started, for people; empty when one can. */
  unavailableReason: string;
  /** The label of the version in force; empty if it has none. */
  version: string;
  /** Those of waiting_requests that wait at siblings. */
  waitingAtSiblings: number;
  /** Requests that wait for an instance, those at siblings included. */
  waitingRequests: number;
}

/** Process is dynlb as processes. */
export interface Process {
  /** How many workers of earlier upgrades still finish requests. */
  drainingWorkers: number;
  /** How many workers have served so far, with the one that does; 0: dynlb has no keeper. */
  epoch: string;
  /** The main process, which stays over upgrades; unset: dynlb has no keeper. */
  keeper?: Keeper;
  /** The path of the binary of that upgrade; empty: there is no such program. */
  upgradeBinary: string;
  /**
   * Why that upgrade has changed nothing, or was taken back, for people; empty: it was
   * carried out, or is under way.
   */
  upgradeError: string;
  /** How that upgrade has ended. */
  upgradeResult: UpgradeResult;
  /** When the last upgrade began, over this service or by a signal; unset: there was none. */
  upgradeTime?: string;
  /** The version of that binary; empty: it did not come so far as to tell. */
  upgradeVersion: string;
  /** The version of the binary that serves. */
  version: string;
}

/** ReloadRequest asks for a reload. It concerns all apps. */
export interface ReloadRequest {
}

/** ReloadResponse says that the configuration is in force. */
export interface ReloadResponse {
  /** The path of the file that was read; empty if there is none, and the defaults apply. */
  path: string;
}

/** RestartInstancesRequest says how fast the restart goes. */
export interface RestartInstancesRequest {
  /** The name of the app; unset: the only one. */
  app?: string;
  /**
   * How many instances there may be beyond the target during the restart, 1 to
   * 100. Unset or zero: 1.
   */
  maxSurge?: number;
}

/** RestartInstancesResponse is the progress of a restart. */
export interface RestartInstancesResponse {
  /** The app whose instances they are. */
  app: string;
  /** How many instances have been replaced. */
  replaced: number;
  /** How many instances the restart replaces in all. */
  total: number;
}

/** ResumeAppRequest names the app. */
export interface ResumeAppRequest {
  /** The name of the app; unset: the only one. */
  app?: string;
}

/** ResumeAppResponse says what was resumed. */
export interface ResumeAppResponse {
  /** The name of the app. */
  app: string;
  /** Whether it was paused before. */
  changed: boolean;
}

/** RollbackRequest names the app. */
export interface RollbackRequest {
  /** The name of the app; unset: the only one. */
  app?: string;
}

/** RollbackResponse is a step of a rollback. */
export interface RollbackResponse {
  /** The name of the app. */
  app: string;
  /** How far the rollback is. */
  phase: DeployPhase;
  /** What has happened, for people. */
  text: string;
  /** The label of the version that is put in force, or stays; empty if it has none. */
  version: string;
}

/** ScaleToRequest says how many instances there should be. */
export interface ScaleToRequest {
  /** The name of the app; unset: the only one. */
  app?: string;
  /**
   * How long the autoscaler does not change the target, up to 24 hours. Unset or
   * zero: the autoscaler continues from `target` at its next check, and an
   * earlier hold ends.
   */
  hold?: string;
  /**
   * How many instances there should be, within [min_instances, max_instances].
   * Required.
   */
  target: number;
}

/** ScaleToResponse has the target before and after the call. */
export interface ScaleToResponse {
  /** The app whose target it is. */
  app: string;
  /** The target from now on. */
  newTarget: number;
  /** The target before the call. */
  oldTarget: number;
}

export interface Status {
  code: number;
  details: Any[];
  message: string;
}

/** StopRequest says how dynlb stops. */
export interface StopRequest {
  /** Whether requests in flight are cut off, and instances killed, at once. */
  now?: boolean;
}

/** StopResponse says what stops. */
export interface StopResponse {
  /** The process id of dynlb, on its machine. */
  pid: string;
  /** How long the stop may take. */
  timeout: string;
}

/** StreamLogsResponse has some lines. */
export interface StreamLogsResponse {
  /** The lines, oldest first. */
  lines: LogLine[];
  /** How many lines before these are missing because the reader was too slow. */
  linesDropped: string;
}

/**
 * Traffic counts the requests of an app that have ended. Its numbers only grow while
 * dynlb runs: the difference of two messages over the time between them is a rate.
 */
export interface Traffic {
  /**
   * Requests that were answered with a status from 400 to 499, and those that the
   * client gave up (499).
   */
  clientError: string;
  /**
   * How many requests took how long, from the header of the request to the end of the
   * response. The bounds are the same in all messages, in ascending order.
   */
  durations: DurationBucket[];
  /** Requests that were answered with a status from 300 to 399. */
  redirect: string;
  /** Requests that were answered with a status from 500 to 599. */
  serverError: string;
  /**
   * Requests that were answered with a status from 200 to 299, or that became a
   * tunnel (101).
   */
  success: string;
}

/** UpgradeRequest names the binary. */
export interface UpgradeRequest {
  /**
   * The path of the binary on the machine of dynlb; empty: the program that dynlb was
   * started as, looked up again.
   */
  path?: string;
}

/** UpgradeResponse is a step of an upgrade. */
export interface UpgradeResponse {
  /** What has happened, for people. */
  text: string;
}

/**
 * UpgradeResult is how an upgrade has ended.
 *
 *  - UPGRADE_RESULT_UNSPECIFIED: There was none.
 *  - UPGRADE_RESULT_UNDER_WAY: It has not ended.
 *  - UPGRADE_RESULT_DONE: A worker of the new binary has taken over.
 *  - UPGRADE_RESULT_FAILED: Nothing has changed.
 *  - UPGRADE_RESULT_REVERTED: A worker of the new binary had taken over, and has failed within 60 s. The binary before
 * serves.
 */
export type UpgradeResult = "UPGRADE_RESULT_UNSPECIFIED" | "UPGRADE_RESULT_UNDER_WAY" | "UPGRADE_RESULT_DONE" | "UPGRADE_RESULT_FAILED" | "UPGRADE_RESULT_REVERTED";

/**
 * WatchInstancesResponse is the whole state of an app, and the events that led
 * to it.
 */
export interface WatchInstancesResponse {
  /**
   * The events since the previous message, oldest first. The first message has
   * none, or those since `resume_after`.
   */
  events: Event[];
  /**
   * How many events since the previous message are missing from `events` because
   * the reader was too slow. They are the oldest ones.
   */
  eventsDropped: string;
  /**
   * Whether events after `resume_after` are missing from the first message, because they
   * were not kept or are more than 1,000. ListEvents has those that were kept.
   */
  eventsIncomplete: boolean;
  /**
   * The `sequence` of the last event before the state was taken, or a number below those of
   * all events to come: what the reader gives as `resume_after` after the end of the stream.
   */
  lastSequence: string;
  /** The whole state. */
  pool?: Pool;
  /** When the state was taken, by the clock of dynlb. */
  time?: string;
}
