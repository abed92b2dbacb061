// The calls of the control service. Each throws a Failure when the server refuses.
import type {
  DrainInstanceRequest, DrainInstanceResponse, GetStatusResponse, ListAppsResponse, PauseAppRequest, PauseAppResponse,
  RestartInstancesRequest, RestartInstancesResponse, ResumeAppResponse, ScaleToRequest, ScaleToResponse, Status, WatchInstancesResponse,
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

/** watch yields the state of an app whenever it has changed, once a second at most. */
export async function* watch(app: string, signal: AbortSignal): AsyncGenerator<WatchInstancesResponse> {
  yield* lines<WatchInstancesResponse>(await request(`v1/instances:watch?minInterval=1s&${query(app)}`, { signal }));
}

/** restart replaces all instances, and yields the progress. */
export async function* restart(to: RestartInstancesRequest): AsyncGenerator<RestartInstancesResponse> {
  yield* lines<RestartInstancesResponse>(await request("v1/restart", posted(to)));
}
