// The page.
import { render } from "preact";
import { useEffect, useReducer, useState } from "preact/hooks";
import "uplot/dist/uPlot.min.css";
import { Actions, Dialog, type Task } from "./actions";
import { logOut } from "./client";
import { Happenings } from "./events";
import { figure } from "./format";
import { Instances } from "./instances";
import { Login } from "./login";
import { Logs } from "./logs";
import { Overview } from "./overview";
import { Plots } from "./plots";
import { Store, now } from "./store";
import "./style.css";
import { judge } from "./verdict";

const store = new Store();

/** loggedIn is the key under which the browser remembers that there is a session. */
const loggedIn = "dynlb-logged-in";

/** Page is all that is seen. */
function Page() {
  const [, render] = useReducer((n: number) => n + 1, 0);
  const [task, setTask] = useState<Task>();
  const [log, setLog] = useState<string>(); // the instance whose log is shown; "": all
  useEffect(() => store.subscribe(() => render(undefined as never)), []);
  const app = store.app();
  useEffect(() => {
    document.title = app ? `${app.name}: ${judge(app, store.link).title} – dynlb` : "dynlb";
  });
  if (store.link.kind === "locked") {
    return <Login onDone={() => {
      localStorage.setItem(loggedIn, "1");
      store.link = { kind: "connecting" };
      store.retry();
    }} />;
  }
  return (
    <>
      <Top />
      <LostLink />
      <main data-stale={store.link.kind === "lost" ? "" : undefined}>
        {!app?.pool && store.link.kind !== "lost" && <p class="empty">Reading the state…</p>}
        {app?.pool && (
          <>
            <Overview app={app} link={store.link}
              actions={<Actions pool={app.pool} onTask={setTask} disabled={store.link.kind !== "live"} />} />
            <Plots app={app} key={app.name} range={store.range} onRange={(range) => store.show(range)} />
            <Instances app={app} onDrain={(id) => setTask({ kind: "drain", id })} onLog={setLog} />
            {log !== undefined && store.link.kind === "live" && (
              <Logs app={app} instance={log} connections={store.connections} onInstance={setLog} onClose={() => setLog(undefined)} />
            )}
            <Happenings app={app} audit={store.audit} onLog={setLog} />
          </>
        )}
      </main>
      {task && app?.pool && <Dialog task={task} store={store} pool={app.pool} onClose={() => setTask(undefined)} />}
    </>
  );
}

/** Top has the name, the switch of the apps, the state of the link, and the theme. */
function Top() {
  return (
    <header class="top">
      <h1>dynlb</h1>
      <nav aria-label="Apps">
        {store.names.map((name) => {
          const one = store.apps.get(name)!;
          const verdict = judge(one, { kind: "live" });
          const ready = one.pool?.instances.filter((instance) => instance.state === "INSTANCE_STATE_READY").length;
          return (
            <button key={name} type="button" aria-current={name === store.selected ? "page" : undefined} onClick={() => store.select(name)}>
              <i data-level={verdict.level} aria-hidden="true" />{name} <small>{figure(ready)}<span class="hidden"> ready, {verdict.title}</span></small>
            </button>
          );
        })}
      </nav>
      <span class="link" data-kind={store.link.kind}>{store.link.kind === "live" ? "live" : store.link.kind === "lost" ? "not connected" : "connecting"}</span>
      <Theme />
      {localStorage.getItem(loggedIn) && <button type="button" class="quiet" onClick={leave}>Log out</button>}
    </header>
  );
}

/** leave ends the session. */
async function leave() {
  await logOut();
  localStorage.removeItem(loggedIn);
  store.link = { kind: "locked" };
  store.apps.clear();
  store.retry();
}

/** LostLink says that the server is not reached, and when it is tried again. */
function LostLink() {
  const link = store.link;
  return (
    <div class="lost" role="alert">
      {link.kind === "lost" && (
        <p>
          dynlb does not answer ({link.why}). What you see is from before. Next attempt in {Math.max(0, Math.ceil(link.retryAt - now()))} s.{" "}
          <button type="button" class="quiet" onClick={() => store.retry()}>Try now</button>
        </p>
      )}
    </div>
  );
}

const themes = ["auto", "light", "dark"] as const;

/** applyTheme sets the colours: those of the system unless one was chosen. */
function applyTheme(theme: string) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** Theme is the switch of the colours. */
function Theme() {
  const [theme, setTheme] = useState<string>(localStorage.getItem("dynlb-theme") ?? "auto");
  useEffect(() => {
    applyTheme(theme);
    localStorage.setItem("dynlb-theme", theme);
  }, [theme]);
  const next = themes[(themes.indexOf(theme as (typeof themes)[number]) + 1) % themes.length]!;
  return <button type="button" class="quiet theme" onClick={() => setTheme(next)} aria-label={`Colours: ${theme}; change to ${next}`}>{theme}</button>;
}

applyTheme(localStorage.getItem("dynlb-theme") ?? "auto");
render(<Page />, document.getElementById("page")!);
setInterval(() => store.tick(), 500);
setInterval(() => store.link.kind === "live" && void store.refresh().catch(() => undefined), 15_000);
addEventListener("hashchange", () => store.select(decodeURIComponent(location.hash.replace(/^#\//, ""))));
void store.run();
