// Written by types.mjs from the OpenAPI document. Do not edit.

export interface Any {
  "@type": string;
}

/** Certificate is a certificate of the public listener, or a name that has none yet. */
export interface Certificate {
  /** The first name that it is for. */
  name: string;
  /** Where it comes from: "file", "acme" or "internal", an authority of the machine. */
  source: string;
  /** When it expires; unset while there is none. */
  expireTime?: string;
  /** What is wrong with it and how to mend that, for people; empty if nothing is. */
  error: string;
}

/** Decision is a change of the target. */
export interface Decision {
  /** When it was decided. */
  time?: string;
  /** The rule, as in Event. */
  rule: string;
  /** The reason with its figures, as in Event. */
  reason: string;
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
  /** The bound, in seconds. 0 in the last bucket: it has no bound. */
  upperSeconds: number;
  /** The number of these requests. */
  count: string;
}

/** Event is something that happened. */
export interface Event {
  /** When it happened. */
  time?: string;
  /** The kind of event. */
  type: EventType;
  /** The instance it happened to; empty when the event is about the app as a whole. */
  instanceId: string;
  /**
   * Why it happened, with the figures it was decided on:
   * "avg load 4.2 > 3 over 5s: 2 -> 4".
   */
  reason: string;
  /** The app it happened to. */
  app: string;
  /**
   * Of SCALED: the rule that decided: "window", "reserve", "zero", "load", "queue",
   * "order", "bounds" or "schedule".
   */
  rule: string;
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
 *  - EVENT_TYPE_STOPPED: An instance is gone.
 *  - EVENT_TYPE_START_FAILED: An instance could not be started.
 *  - EVENT_TYPE_CONFIG_LOADED: The configuration was read and put in force.
 *  - EVENT_TYPE_CONFIG_REJECTED: The configuration was rejected: it is invalid, or the instances that it asks
 * for could not be started.
 *  - EVENT_TYPE_BRAKED: The load calls for more instances than the machine can bear.
 */
export type EventType = "EVENT_TYPE_UNSPECIFIED" | "EVENT_TYPE_SCALED" | "EVENT_TYPE_STARTING" | "EVENT_TYPE_READY" | "EVENT_TYPE_UNHEALTHY" | "EVENT_TYPE_DRAINING" | "EVENT_TYPE_STOPPED" | "EVENT_TYPE_START_FAILED" | "EVENT_TYPE_CONFIG_LOADED" | "EVENT_TYPE_CONFIG_REJECTED" | "EVENT_TYPE_BRAKED";

/** Exit is how an instance ended. */
export interface Exit {
  /** The instance. */
  instanceId: string;
  /** When it ended. */
  time?: string;
  /** Why, for people: "exit status 1", "signal: killed". */
  reason: string;
  /** The last lines of its output, oldest first. */
  output: string[];
  /** The app it was an instance of. */
  app: string;
}

/** GetStatusResponse is the state of an app, in short and in full. */
export interface GetStatusResponse {
  /** The short form, the answer to `GET /lb-status`. Its JSON keys are fixed. */
  lbStatus?: LbStatus;
  /** The whole state. */
  pool?: Pool;
  /**
   * The certificates of the public listener, which all apps share, by name. Empty: it
   * speaks plain HTTP.
   */
  certificates: Certificate[];
}

/** Instance is one running copy of the app. */
export interface Instance {
  /** A UUID, new for every start. */
  id: string;
  /**
   * Where it is reached: host:port for TCP, else the network and the address,
   * "unix:/run/app.sock".
   */
  address: string;
  /** Its place in the life cycle. */
  state: InstanceState;
  /** Why it is in `state`, for people. */
  stateReason: string;
  /**
   * The name of the instance to what runs it, such as "pid 4711"; empty until
   * known.
   */
  handle: string;
  /** When it was started. */
  startTime?: string;
  /** When it became ready for the first time; unset until then. */
  readyTime?: string;
  /** Requests in flight. */
  inFlight: number;
  /** Requests it was given since it started. */
  totalRequests: string;
  /**
   * Decaying average, with a time constant of 10 s, of the milliseconds from
   * sending a request to its response header; 0 until the first response.
   */
  responseTimeMs: number;
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
  /**
   * Processor time that all its processes have used since its start; unset until
   * measured.
   */
  cpuTime: string;
  /**
   * Average number of processors it used between the last two measurements: 0.5
   * is half of one.
   */
  cpuCores: number;
  /**
   * The end of its ejection: until then it gets no requests although it is READY,
   * because several requests in a row failed on it. Unset when it is not ejected.
   * It gets requests all the same when every ready instance is ejected.
   */
  ejectedUntil?: string;
  /** The app it is an instance of. */
  app: string;
  /**
   * Those of in_flight that are streams: connections that were upgraded, such as
   * WebSockets, and responses of server-sent events.
   */
  streams: number;
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

/**
 * LbInstance is one instance in `/lb-status`. All its JSON keys are always
 * present, and its numbers are JSON numbers.
 */
export interface LbInstance {
  /** The instance's UUID. */
  id: string;
  /** The TCP port it serves on; 0 when it has none. */
  port: number;
  /** Whether it may get requests. */
  healthy: boolean;
  /** Requests in flight. */
  activeRequests: number;
  /**
   * Requests it was given since it started. A double, not a uint64, because JSON
   * writes 64-bit integers of protobuf as strings; exact up to 2^53.
   */
  totalRequests: number;
  /**
   * Decaying average of the milliseconds from sending a request to its response
   * header; 0 until the first response.
   */
  responseTime: number;
  /**
   * active_requests, without those that are streams, + max(0, (response_time - 100)
   * / 1000), where the second term fades with the time since the last response, +
   * what streams do.
   */
  load: number;
}

/**
 * LbStatus is the body of `GET /lb-status`. Its JSON keys are `total`, `healthy`
 * and `instances`, and all are always present.
 */
export interface LbStatus {
  /** The number of instances that exist, starting and draining ones included. */
  total: number;
  /** The number of instances that may get requests. */
  healthy: number;
  /** One entry per instance, in start order. */
  instances: LbInstance[];
}

/** ListAppsResponse has the names of the apps. */
export interface ListAppsResponse {
  /** The names, in alphabetical order. */
  apps: string[];
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
  /** How many instances there should be, draining ones not counted. */
  target: number;
  /** The lower bound of `target`. */
  minInstances: number;
  /** The upper bound of `target`. */
  maxInstances: number;
  /**
   * The time until which the autoscaler does not change `target`; unset when there
   * is no hold.
   */
  holdUntil?: string;
  /** Requests that wait for an instance. */
  waitingRequests: number;
  /**
   * How many instances were started to replace one that had stopped unasked or
   * had failed to start, since dynlb began.
   */
  restarts: string;
  /** Why no instance can be started, for people; empty when one can. */
  unavailableReason: string;
  /** The exit of the last instance that stopped unasked; unset when none did. */
  lastExit?: Exit;
  /** Every instance that exists, in start order. */
  instances: Instance[];
  /** When the configuration in force was read. */
  configLoadTime?: string;
  /**
   * Why the present configuration was rejected, for people; empty when it is in
   * force. A configuration that is rejected leaves the previous one in force.
   */
  configError: string;
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
  /** The name of the app. */
  app: string;
  /**
   * Which limit of the machine keeps `target` from rising although the load calls
   * for it, for people; empty when none does.
   */
  brake: string;
  /**
   * Whether a configuration is being tried: new instances are started with it, and
   * it is in force when they have replaced all others.
   */
  configReloading: boolean;
  /** The last change of `target`; unset before the first one. */
  lastDecision?: Decision;
  /** How many requests have asked for an instance since dynlb began. */
  arrivals: string;
  /** How many responses there were since dynlb began. */
  responses: string;
  /**
   * How long instances have taken to respond, in all. Its difference over that of
   * `responses` is the mean service time.
   */
  serviceTime: string;
  /** Whether the app is paused: requests wait in the queue. See PauseApp. */
  paused: boolean;
  /** The average load of an instance above which instances are added. */
  scaleUpThreshold: number;
  /** The average load of an instance below which instances are removed. */
  scaleDownThreshold: number;
  /** The requests that have ended since dynlb began. */
  traffic?: Traffic;
}

/** RestartInstancesRequest says how fast the restart goes. */
export interface RestartInstancesRequest {
  /**
   * How many instances there may be beyond the target during the restart, 1 to
   * 100. Unset or zero: 1.
   */
  maxSurge?: number;
  /** The name of the app; unset: the only one. */
  app?: string;
}

/** RestartInstancesResponse is the progress of a restart. */
export interface RestartInstancesResponse {
  /** How many instances have been replaced. */
  replaced: number;
  /** How many instances the restart replaces in all. */
  total: number;
  /** The app whose instances they are. */
  app: string;
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

/** ScaleToRequest says how many instances there should be. */
export interface ScaleToRequest {
  /**
   * How many instances there should be, within [min_instances, max_instances].
   * Required.
   */
  target: number;
  /**
   * How long the autoscaler does not change the target, up to 24 hours. Unset or
   * zero: the autoscaler continues from `target` at its next check, and an
   * earlier hold ends.
   */
  hold?: string;
  /** The name of the app; unset: the only one. */
  app?: string;
}

/** ScaleToResponse has the target before and after the call. */
export interface ScaleToResponse {
  /** The target before the call. */
  oldTarget: number;
  /** The target from now on. */
  newTarget: number;
  /** The app whose target it is. */
  app: string;
}

export interface Status {
  code: number;
  message: string;
  details: Any[];
}

/**
 * Traffic counts the requests of an app that have ended. Its numbers only grow while
 * dynlb runs: the difference of two messages over the time between them is a rate.
 */
export interface Traffic {
  /**
   * Requests that were answered with a status from 200 to 299, or that became a
   * tunnel (101).
   */
  success: string;
  /** Requests that were answered with a status from 300 to 399. */
  redirect: string;
  /**
   * Requests that were answered with a status from 400 to 499, and those that the
   * client gave up (499).
   */
  clientError: string;
  /** Requests that were answered with a status from 500 to 599. */
  serverError: string;
  /**
   * How many requests took how long, from the header of the request to the end of the
   * response. The bounds are the same in all messages, in ascending order.
   */
  durations: DurationBucket[];
}

/**
 * WatchInstancesResponse is the whole state of an app, and the events that led
 * to it.
 */
export interface WatchInstancesResponse {
  /** The whole state. */
  pool?: Pool;
  /**
   * The events since the previous message, oldest first. The first message has
   * none.
   */
  events: Event[];
  /**
   * How many events since the previous message are missing from `events` because
   * the reader was too slow. They are the oldest ones.
   */
  eventsDropped: string;
}
