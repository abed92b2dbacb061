package keeper

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/reap"
	"github.com/dynlb/dynlb/internal/systemd"
)

// The main goroutine stays on the main thread. The kernel ends children with a
// parent-death signal when the thread that forked them ends, and execve(2) ends all
// threads but the main one: only what the main thread has forked outlives it.
func init() { runtime.LockOSThread() }

// Options say what a keeper runs with.
type Options struct {
	// Args are the arguments with which a binary of dynlb is a worker.
	Args []string
	// Version is that of this binary.
	Version string
	// Log gets the entries of the keeper.
	Log *slog.Logger
}

// keeper is the state of this process. Its loop owns all of it.
type keeper struct {
	Options
	service *systemd.Service // nil: systemd has not started this process
	nohup   bool             // SIGHUP was ignored at the start
	notices chan []string    // to systemd

	events chan func() // work for the loop
	over   chan struct{}
	result *result // set when the keeper has to end

	instances []*instance // in start order
	listeners []listener
	blob      []byte // the last state of a worker
	config    string // that a worker has made
	epoch     uint64
	contained bool // an instance may be started

	report     Report
	carriedOut Upgrade // the last one that was
	untold     bool    // the worker that serves does not know the result of the last upgrade

	workers []*worker
	active  *worker // that serves; nil: none does
	coming  *worker // that is started to serve, outside of an upgrade
	next    *upgrade

	current, proven *binary
	suspect         suspect // between the config and the binary
	failures        int     // workers in a row that ended soon
	stopping        bool
	delayed         []os.Signal // for the worker that is going to serve
}

// result is how the keeper ends: as its worker has.
type result struct {
	code   int
	signal syscall.Signal // 0: the worker has exited
}

// Run is the keeper: it runs workers until one of them ends on purpose, and returns its
// exit status. It must be called by the main goroutine.
func Run(ctx context.Context, o Options) (code int, err error) {
	runtime.GOMAXPROCS(2) // its loop, and what waits for the sockets
	k := &keeper{
		Options: o, nohup: signal.Ignored(syscall.SIGHUP), notices: make(chan []string, maxNotices),
		events: make(chan func()), over: make(chan struct{}), report: newReport(o.Version),
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTSTP)
	defer signal.Stop(signals)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // the reader of the log may end first
	process.SpawnHere()
	var sockets []int
	k.service, sockets = systemd.Inherit()
	for _, fd := range sockets {
		k.listeners = append(k.listeners, listener{fd: fd})
	}
	own, err := ownBinary()
	if err != nil {
		return 0, err
	}
	k.current, k.proven = own, own
	if err := k.begin(); err != nil {
		return 0, err
	}
	endContainment := k.contain()
	running, stop := context.WithCancel(ctx)
	defer stop()
	go reap.Orphans(running) // ends with running
	notified := make(chan struct{})
	go func() { // ends with notices
		defer close(notified)
		k.notify()
	}()
	k.loop(ctx, signals)
	close(k.over)
	close(k.notices)
	<-notified
	k.killWorkers()
	if err := endContainment(); err != nil {
		return 0, err
	}
	return k.result.exit(), nil
}

// loop runs until there is a result.
func (k *keeper) loop(ctx context.Context, signals <-chan os.Signal) {
	for k.result == nil {
		select {
		case do := <-k.events:
			do()
		case s := <-signals:
			k.onSignal(s)
		case <-ctx.Done():
			k.result = &result{}
		}
	}
}

// post has the loop do something. It waits until the loop begins it, or is over.
func (k *keeper) post(do func()) {
	select {
	case k.events <- do:
	case <-k.over:
	}
}

// after has the loop do something later.
func (k *keeper) after(d time.Duration, do func()) *time.Timer {
	return time.AfterFunc(d, func() { k.post(do) })
}

// maxNotices is how many reports wait for systemd; more are dropped.
const maxNotices = 16

// notify sends the reports to systemd: the loop must not wait for it.
func (k *keeper) notify() {
	for lines := range k.notices {
		if err := k.service.Report(lines...); err != nil {
			k.Log.Warn("report to systemd", "error", err)
		}
	}
}

// exit returns the exit status. It does not return if a signal has ended the worker: then
// that ends this process too.
func (r *result) exit() int {
	if r.signal == 0 {
		return r.code
	}
	signal.Reset(r.signal)
	_ = syscall.Kill(os.Getpid(), r.signal)
	const shell = 128 // what a shell adds to the number of the signal
	time.Sleep(time.Second)
	return shell + int(r.signal)
}
