// The calls of the control service. Each throws a Failure when the server refuses.
import type {
  DeployRequest, DeployResponse, DrainInstanceRequest, DrainInstanceResponse, EventType, GetHistoryResponse, GetStatusResponse, ListAppsResponse,
  ListEventsResponse, PauseAppRequest, PauseAppResponse, RestartInstancesRequest, RestartInstancesResponse, ResumeAppResponse, RollbackRequest,
  RollbackResponse, ScaleToRequest, ScaleToResponse, Status, StreamLogsResponse, WatchInstancesResponse,
} from "./types";

/** Failure is an answer of the server that is not a success. */
export class Failure extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

/** failureOf returns the failure that a response tells of. */
async function failureOf(response: Response): Promise<Failure> {
  const text = await response.text();
  try {
    return new Failure(response.status, (JSON.parse(text) as Status).message);
  } catch {
    return new Failure(response.status, text || response.statusText);
  }
}

async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...init });
  if (!response.ok) throw await failureOf(response);
  return response;
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await request(path, { signal: signal ?? AbortSignal.timeout(10_000) })).json() as Promise<T>;
}

function posted(body: unknown): RequestInit {
  return { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

async function post<T>(path: string, body: unknown): Promise<T> {
  return (await request(path, posted(body))).json() as Promise<T>;
}

const query = (app: string) => `app=${encodeURIComponent(app)}`;

export const listApps = async () => (await get<ListAppsResponse>("v1/apps")).apps;
export const getStatus = (app: string) => get<GetStatusResponse>(`v1/status?${query(app)}`);
export const scaleTo = (to: ScaleToRequest) => post<ScaleToResponse>("v1/scale", to);
export const pauseApp = (to: PauseAppRequest) => post<PauseAppResponse>("v1/pause", to);
export const resumeApp = (to: PauseAppRequest) => post<ResumeAppResponse>("v1/resume", to);
export const drainInstance = (to: DrainInstanceRequest) => post<DrainInstanceResponse>("v1/drain", to);

const at = (seconds: number) => encodeURIComponent(new Date(1000 * seconds).toISOString());

/** getHistory returns the figures of an app since a time, in seconds since 1970. */
export const getHistory = (app: string, from: number, instances: boolean) =>
  get<GetHistoryResponse>(`v1/history?${query(app)}&from=${at(from)}&instances=${instances}`, AbortSignal.timeout(30_000));

/** listEvents returns events of an app. */
export const listEvents = (app: string, of: { types?: EventType[]; since?: number; pageSize: number; newestFirst: boolean }) =>
  get<ListEventsResponse>(`v1/events?${query(app)}&pageSize=${of.pageSize}&newestFirst=${of.newestFirst}${
    (of.types ?? []).map((type) => `&types=${type}`).join("")}${of.since === undefined ? "" : `&since=${at(of.since)}`}`);

export const logIn = (token: string) => request("login", posted({ token }));
export const logOut = () => request("logout", posted({}));

/** Chunk is a line of a stream: a message, or the error that ended it. */
interface Chunk<T> {
  result?: T;
  error?: Status;
}

/** lines yields the messages of a stream, one a line. */
async function* lines<T>(response: Response): AsyncGenerator<T> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) {
        if (!line.trim()) continue;
        const chunk = JSON.parse(line) as Chunk<T>;
        if (chunk.error) throw new Failure(0, chunk.error.message);
        if (chunk.result) yield chunk.result;
      }
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

/**
 * watch yields the state of an app whenever it has changed, once a second at most. The
 * first message has the events after a sequence number, unless that is empty.
 */
export async function* watch(app: string, after: string, signal: AbortSignal): AsyncGenerator<WatchInstancesResponse> {
  const resume = after ? `&resumeAfter=${after}` : "";
  yield* lines<WatchInstancesResponse>(await request(`v1/instances:watch?minInterval=1s&${query(app)}${resume}`, { signal }));
}

/** followLogs yields the last lines of an app or of one of its instances, and those that follow. */
export async function* followLogs(app: string, instance: string, tail: number, signal: AbortSignal): AsyncGenerator<StreamLogsResponse> {
  const one = instance ? `&instanceId=${encodeURIComponent(instance)}` : "";
  yield* lines<StreamLogsResponse>(await request(`v1/logs?${query(app)}${one}&tail=${tail}&follow=true`, { signal }));
}

/** deploy puts a version in force, and yields the steps. */
export async function* deploy(to: DeployRequest): AsyncGenerator<DeployResponse> {
  yield* lines<DeployResponse>(await request("v1/deploy", posted(to)));
}

/** rollback ends a deploy or goes back to the version before, and yields the steps. */
export async function* rollback(to: RollbackRequest): AsyncGenerator<RollbackResponse> {
  yield* lines<RollbackResponse>(await request("v1/rollback", posted(to)));
}

/** restart replaces all instances, and yields the progress. */
export async function* restart(to: RestartInstancesRequest): AsyncGenerator<RestartInstancesResponse> {
  yield* lines<RestartInstancesResponse>(await request("v1/restart", posted(to)));
}
