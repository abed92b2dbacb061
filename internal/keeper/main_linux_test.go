package keeper

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/processtest"
)

// TestMain has this program play the keeper, a worker, the guard and an instance.
func TestMain(m *testing.M) {
	if status, played := processtest.Play(map[string]processtest.Role{"dynlb": roleDynlb}); played {
		os.Exit(status)
	}
	m.Run()
}

// The variables that have a worker speak another protocol, be ready after a while, end
// when it is to serve, and reject the config then if a file exists.
const (
	fakeProtocol = "KEEPER_TEST_PROTOCOL"
	fakeDelay    = "KEEPER_TEST_DELAY"
	fakeFailure  = "KEEPER_TEST_FAILURE"
	// fakeContainment has the search for orphans take time; "fails": and fail.
	fakeContainment = "KEEPER_TEST_CONTAINMENT"
	fakeReject      = "KEEPER_TEST_REJECT"
	fakeName        = "KEEPER_TEST_NAME" // of the binary
)

func roleDynlb(args []string) int {
	switch args[0] {
	case "serve":
		readyLimit = 3 * time.Second
		if how := os.Getenv(fakeContainment); how != "" {
			killOrphans = func(log *slog.Logger) (func(), error) {
				time.Sleep(200 * time.Millisecond) // longer than a worker takes to be ready
				log.Info("orphans killed")
				if how == "fails" {
					return nil, errors.New("no guard")
				}
				return orphan.Contain(log)
			}
		}
		log := slog.New(slog.NewTextHandler(os.Stderr, nil))
		code, err := Run(context.Background(), Options{Args: append([]string{"worker"}, args[1:]...), Log: log})
		if err != nil {
			log.Error("keeper", "error", err)
			return 1
		}
		return code
	case "guard":
		if err := orphan.RunGuard(os.Stdin); err != nil {
			return 1
		}
	case "worker":
		return fakeWorker(args[1])
	case "instance":
		processtest.Block()
	}
	return 0
}

// fakeWorker serves one line on each connection at an address, and has one instance.
func fakeWorker(address string) int {
	if text := os.Getenv(fakeProtocol); text != "" {
		spoken, _ = strconv.Atoi(text)
	}
	client, err := Dial("test")
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return 1
	}
	w := &testWorker{Client: client, address: address, exit: make(chan int)}
	w.report.Store(new(client.Welcome().Report))
	var stop chan os.Signal // nil until it serves: before, it does not stop
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	if delay, err := time.ParseDuration(os.Getenv(fakeDelay)); err == nil {
		time.Sleep(delay) // what it has to do until it is ready
	}
	_ = client.Ready()
	for {
		var e Event
		select {
		case e = <-client.Events():
		case code := <-w.exit:
			return code
		case <-stop:
			return w.shutdown()
		}
		switch {
		case e.Serve != nil:
			if os.Getenv(fakeFailure) != "" {
				return 7
			}
			if _, err := os.Stat(os.Getenv(fakeReject)); err == nil {
				_ = client.RejectConfig()
				return 2
			}
			w.serve(e.Serve)
			stop = signals
		case e.Report != nil:
			w.report.Store(e.Report)
		case e.Retire && w.onRetire.Load() != nil:
			(*w.onRetire.Load())()
		case e.Retire:
			_ = w.listener.Close()
			_ = client.Frozen([]byte(fmt.Sprint("frozen in epoch ", w.epoch)))
			w.retired.Store(true)
		case e.Lost != nil:
			return 1
		}
	}
}

// testWorker is a worker that does little.
type testWorker struct {
	*Client
	address  string
	epoch    uint64
	blob     string
	listener net.Listener
	instance *process.Process
	retired  atomic.Bool
	report   atomic.Pointer[Report]
	onRetire atomic.Pointer[func()] // in place of Frozen
	exit     chan int               // has the worker end
}

// shutdown ends the worker as a stop of dynlb does, in longer than an upgrade takes. The exit
// status says whether the instance has lived until then.
func (w *testWorker) shutdown() int {
	_ = w.Bye()
	time.Sleep(2 * frozenLimit)
	select {
	case <-w.instance.Done():
		return 6
	default:
		return 5
	}
}

func (w *testWorker) serve(s *Serve) {
	w.epoch, w.blob = s.Epoch, string(s.Blob)
	w.listener = w.Listener(func(s Socket) bool { return s.Name == "test" })
	if w.listener == nil {
		w.listener, _ = net.Listen("tcp", w.address)
	}
	_ = w.Listen(context.Background(), []Socket{{"test", w.listener}})
	for _, a := range w.Adopted() {
		w.instance = a.Process(nil, nil, nil)
	}
	if w.instance == nil {
		w.instance, _ = w.Start(instanceSpec("one"))
		_ = w.Save([]byte("saved"))
	}
	go func() {
		for {
			c, err := w.listener.Accept()
			if err != nil {
				return
			}
			go w.answer(c)
		}
	}()
}

func instanceSpec(id string) process.Spec {
	return process.Spec{Argv: processtest.Argv("instance"), Env: processtest.Env("dynlb"), Mark: orphan.NewMark(id), Label: []byte(`{"n":1}`)}
}

// answer carries out one command: "state", "upgrade PATH", "panic", "bye CODE", "spawn ID", "late",
// "stop", "name", "report", "refuse-on-retire", "die-on-retire", "term-on-retire", "stop-on-retire".
func (w *testWorker) answer(c net.Conn) {
	defer c.Close()
	line, _ := bufio.NewReader(c).ReadString('\n')
	command, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	switch command {
	case "state":
		fmt.Fprintf(c, "epoch %d, worker %d, instance %d, blob %q", w.epoch, os.Getpid(), w.instance.PID(), w.blob)
	case "upgrade":
		err := w.Upgrade(context.Background(), rest, func(s Step) { fmt.Fprint(c, s.Name, " ") })
		fmt.Fprint(c, err)
	case "panic":
		panic("as asked")
	case "bye":
		code, _ := strconv.Atoi(rest)
		_ = w.Bye()
		w.exit <- code
	case "spawn":
		_, err := w.Start(instanceSpec(rest))
		fmt.Fprint(c, "started ", err)
	case "stop": // dynlb, without a signal to the keeper
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	case "name":
		fmt.Fprint(c, "binary ", os.Getenv(fakeName))
	case "report":
		r := w.report.Load()
		fmt.Fprintf(c, "%s %s %q, %d done, %d failed, %d reverted, process %d", r.Last.Binary, r.Last.Result, r.Last.Error, r.Done, r.Failed, r.Reverted, r.PID)
	case "refuse-on-retire":
		w.onRetire.Store(new(func() {
			w.onRetire.Store(nil)
			_, err := w.Start(instanceSpec("two")) // it may, as it has not frozen
			_ = w.Refuse(fmt.Sprint("busy ", err))
		}))
		fmt.Fprint(c, "done")
	case "die-on-retire":
		w.onRetire.Store(new(func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) }))
		fmt.Fprint(c, "done")
	case "term-on-retire": // the worker is not frozen in time
		w.onRetire.Store(new(func() { _ = syscall.Kill(w.Welcome().PID, syscall.SIGTERM) }))
		fmt.Fprint(c, "done")
	case "stop-on-retire":
		w.onRetire.Store(new(func() { _ = syscall.Kill(os.Getpid(), syscall.SIGTERM) }))
		fmt.Fprint(c, "done")
	case "late": // what a worker tries that was stopped for a while
		for !w.retired.Load() {
			time.Sleep(time.Millisecond)
		}
		_ = w.instance.Kill()
		_, err := w.Start(instanceSpec("two")) // when it is refused, the keeper has read the signal
		fmt.Fprint(c, err)
	}
}
