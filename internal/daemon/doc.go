// Package daemon is `dynlb serve`: it builds all parts from the config, starts and
// stops them, and applies config changes while they run.
//
// # For operators
//
// Start. The daemon reads config.yaml (or --config), kills processes that an
// earlier run left behind, opens its three listeners, and only then starts
// instances. An invalid config or an address in use ends it before anything runs.
// The log line "serving" has the addresses. Clients are accepted from that moment:
// their requests wait until an instance is ready.
//
// Reload. SIGHUP, or a change of the config file, makes the daemon read the file
// again. Either all of it is applied ("config reloaded"), or nothing changes and
// the log, `dynlb status` and the metric dynlb_config_last_reload_successful say
// why ("config reload failed, keeping the previous config"). Without new instances
// it is applied at once. Keys that concern the processes (command, env, user) need a
// rolling restart first: until the last instance is replaced, the previous config is
// in force ("config reload in progress"), apart from the times by which instances are
// started, checked and stopped, and the clients of a new address wait. If a new
// instance does not become ready, these times are as before, and new instances that
// run already are replaced by such of the previous config. When no instance serves,
// nothing speaks for the previous config, and the new one is applied at once.
// Listeners whose address changed are opened before the previous ones close, also if
// only the host differs. Such a one is opened when the config is put in force; if
// another process has the port, the config is not.
// The file must be a regular file; editors and Kubernetes may replace it, or a
// link to it, as a whole. A change counts once the content has stayed the same for
// 250 ms.
//
// HTTPS. With tls, the public listener speaks TLS. Certificates are in force before it
// is served, those in the storage and in files; an authority is asked while it is served.
// A reload may change everything under tls, and turn it on or off: for the connections that
// are accepted from then on.
//
// Stop. SIGINT and SIGTERM stop the daemon in this order:
//
//  1. gRPC health and /readyz say that it is not serving; the target stays
//  2. each response ends its connection; connections are accepted for drainDelay more
//  3. it accepts no connection; requests in flight may take drainTimeout, and get a 503
//     then; connections without a request may send one for a second
//  4. watches end
//  5. instances get SIGTERM, and SIGKILL after stopTimeout
//
// The deadline for all of it is drainDelay plus drainTimeout plus stopTimeout. An init
// system that waits for less (systemd waits for TimeoutStopSec, Kubernetes for
// terminationGracePeriodSeconds) cuts it short. A second signal
// stops everything at once. A third one has its default effect: it kills dynlb,
// and the guard process then kills the instances. Signals within half a second count
// as one.
//
// Terminal. The daemon also stops when the terminal that it was started in is
// closed. It does not stop if it was started with SIGHUP ignored (nohup), or if the
// shell left it behind in the background without a SIGHUP: then it logs "terminal
// closed, continuing without it", and a later SIGHUP reloads the config.
//
// Kill. When the daemon is killed, its guard process kills all instances and what
// these have started.
//
// # For programs
//
// [Serve] is the command. [New] and [Daemon.Run] are the daemon without what
// belongs to a process of its own: signals, the config watch, the log and the
// guard. Tests run it in their own process.
//
// Serving under a keeper takes several files. keep.go is the command that becomes the
// keeper; all others are of a worker. keeper.go has what a worker says to the keeper and
// hears from it: its listeners, its instances, and when it is to serve. saved.go has what a
// worker hands over to the next one at an upgrade or when it dies, with an [app.Saved] for
// each app. retire.go is the end of a worker that another one replaces, and the reports
// about the requests that it finishes. upgrade.go has the orders to upgrade and how they
// ended. state.go is about something else: the state folder on disk, which outlives the
// keeper, too.
//
// A daemon runs a set of apps (app.Set) behind one proxy and one control plane: those
// of the key apps, or one that is called config.DefaultApp. plan.go turns a config into
// the settings of the apps and of the proxy, and apps.go makes the apps those of a plan.
package daemon
