package keeper

import (
	"encoding/json"
	"errors"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/process"
)

// Protocol is the version of the messages. A keeper speaks this one and the one before.
const Protocol = 1

// ErrRetired reports that another worker serves, so that this one may not change what the
// keeper has.
var ErrRetired = errors.New("another worker of dynlb has taken over")

// kind says what a message is.
type kind string

// The messages of a worker.
const (
	kindHello    kind = "hello"
	kindReady    kind = "ready"
	kindListen   kind = "listen"   // the listeners that the keeper is to have; the others close
	kindSpawn    kind = "spawn"    // reply: spawned
	kindSignal   kind = "signal"   // to the group of an instance
	kindSave     kind = "save"     // the state of the worker
	kindConfig   kind = "config"   // a config that is in no file
	kindFrozen   kind = "frozen"   // the last state; the worker changes nothing any more
	kindRefuse   kind = "refuse"   // in place of frozen: the worker goes on
	kindInFlight kind = "inflight" // requests of a draining worker; the keeper passes it on
	kindNotify   kind = "notify"   // to systemd
	kindUpgrade  kind = "upgrade"  // replies: step, and done
	kindReject   kind = "reject"   // the worker ends because of the config
	kindBye      kind = "bye"      // the worker ends on purpose
)

// The messages of the keeper.
const (
	kindRunning  kind = "running"  // an instance, with the read ends of its output
	kindListener kind = "listener" // a socket
	kindWelcome  kind = "welcome"
	kindServe    kind = "serve"
	kindRetire   kind = "retire"
	kindSpawned  kind = "spawned"
	kindExited   kind = "exited"
	kindStep     kind = "step"
	kindReport   kind = "report"
	kindDone     kind = "done" // the reply to a request that has no other
)

// message is one packet.
type message struct {
	Kind kind            `json:"kind"`
	Seq  uint64          `json:"seq,omitempty"` // of a request, and of the replies to it
	Body json.RawMessage `json:"body,omitempty"`
}

// Hello is what a worker says first.
type Hello struct {
	Protocol int    `json:"protocol"`
	Version  string `json:"version"` // of its binary
}

// Welcome is what the keeper tells a worker after the instances and the listeners.
type Welcome struct {
	Protocol int    `json:"protocol"`
	PID      int    `json:"pid"`   // of the keeper
	Epoch    uint64 `json:"epoch"` // of the worker that serves or served last; 0: none has
	// Blob is the state that was saved last; nil if there is none.
	Blob []byte `json:"blob,omitempty"`
	// Config is what SaveConfig was called with last; "" if it was not.
	Config string `json:"config,omitempty"`
	// IgnoresHangup says that dynlb was started with SIGHUP ignored (nohup).
	IgnoresHangup bool `json:"ignoresHangup,omitempty"`
	// Notify says that systemd expects reports, and Watchdog within which time it expects
	// a sign of life; 0: it expects none.
	Notify   bool          `json:"notify,omitempty"`
	Watchdog time.Duration `json:"watchdog,omitempty"`
	// Report is what the keeper tells of itself then.
	Report Report `json:"report,omitzero"`
	// Listeners are the addresses of the sockets.
	Listeners []string `json:"-"`
	// BadListeners say which sockets are of no use.
	BadListeners []error `json:"-"`
	// Instances are those that run, or that have ended while no worker served.
	Instances []Instance `json:"-"`
}

// Instance is a process that the keeper runs.
type Instance struct {
	ID  string `json:"id"`
	PID int    `json:"pid"`
	// Label is what the worker that started it has noted of it, as JSON.
	Label json.RawMessage `json:"label,omitempty"`
	// Started is when it was started.
	Started time.Time `json:"started"`
	// Stopping says that it has been told to end.
	Stopping bool `json:"stopping,omitempty"`
	// Cgroup is the folder of its cgroup; "" if it has none of its own.
	Cgroup string `json:"cgroup,omitempty"`
	// Exit says how it has ended; nil while it runs.
	Exit *process.Exit `json:"exit,omitempty"`
}

// Serve tells a worker that it is the one that serves.
type Serve struct {
	Epoch uint64 `json:"epoch"`
	// Blob is the state of the worker that served before: the last one that it saved, or
	// the one with which it froze. Nil if there is none.
	Blob []byte `json:"blob,omitempty"`
}

// retireRequest is the body of kindRetire.
type retireRequest struct {
	// MayRefuse says that this keeper understands kindRefuse.
	MayRefuse bool `json:"mayRefuse,omitempty"`
}

// refusal says why a worker goes on.
type refusal struct {
	Reason string `json:"reason"`
}

// InFlight is the number of requests that a draining worker has, by instance.
type InFlight struct {
	Worker   int            `json:"worker"` // its pid
	Requests map[string]int `json:"requests,omitempty"`
	// Counts are what it has counted since it froze, by name; nil: it does not say.
	Counts map[string]uint64 `json:"counts,omitempty"`
	// Ended says that the worker has ended: it has no requests any more.
	Ended bool `json:"ended,omitempty"`
}

// Step is a step of an upgrade, for people: "started", "ready", "frozen", "serving".
type Step struct {
	Name  string `json:"name"`
	Text  string `json:"text,omitempty"`
	Epoch uint64 `json:"epoch,omitempty"` // of the step "serving"
}

// spawnRequest is what a child is forked from.
type spawnRequest struct {
	ID      string          `json:"id"`
	Label   json.RawMessage `json:"label,omitempty"`
	Command process.Command `json:"command"`
}

// spawnReply says which process was forked, or why none was.
type spawnReply struct {
	Instance Instance  `json:"instance"`
	Error    *badStart `json:"error,omitempty"`
}

// badStart is an error of a start: those of package os have an operation, a path and a
// number.
type badStart struct {
	Op, Path string
	Errno    syscall.Errno
	Text     string
}

// signalRequest is a signal for the group of an instance: SIGTERM or SIGKILL.
type signalRequest struct {
	ID     string         `json:"id"`
	Signal syscall.Signal `json:"signal"`
}

// exitedReport says how an instance has ended.
type exitedReport struct {
	ID   string       `json:"id"`
	Exit process.Exit `json:"exit"`
}

// configText is a config that is in no file.
type configText struct {
	Text string `json:"text"`
}

// saved is a state.
type saved struct {
	Blob []byte `json:"blob"`
}

// listenRequest has the names of the sockets that come with it.
type listenRequest struct {
	Names []string `json:"names"`
}

// listenerInfo is the name of the socket that comes with it.
type listenerInfo struct {
	Name string `json:"name,omitempty"`
}

// notifyReport is what the keeper tells systemd.
type notifyReport struct {
	Lines []string `json:"lines"`
}

// upgradeRequest is the binary to run from now on. Empty: the one that the keeper was
// started as, looked up again.
type upgradeRequest struct {
	Path string `json:"path,omitempty"`
}

// doneReply is the outcome of a request; no error: it was carried out.
type doneReply struct {
	Error   string `json:"error,omitempty"`
	Retired bool   `json:"retired,omitempty"` // the error is ErrRetired
}
