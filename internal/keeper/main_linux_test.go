package keeper

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
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

// fakeProtocol is the variable that has a worker speak another protocol.
const fakeProtocol = "KEEPER_TEST_PROTOCOL"

func roleDynlb(args []string) int {
	switch args[0] {
	case "serve":
		readyLimit = 3 * time.Second
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
	_ = client.Ready()
	for {
		var e Event
		select {
		case e = <-client.Events():
		case code := <-w.exit:
			return code
		}
		switch {
		case e.Serve != nil:
			w.serve(e.Serve)
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
	exit     chan int // has the worker end
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

// answer carries out one command: "state", "upgrade PATH", "panic", "bye CODE", "spawn".
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
	case "late": // what a worker tries that was stopped for a while
		for !w.retired.Load() {
			time.Sleep(time.Millisecond)
		}
		_, err := w.Start(instanceSpec("two"))
		_ = w.instance.Kill()
		fmt.Fprint(c, err)
	}
}

// testKeeper is a keeper with its worker, as processes.
type testKeeper struct {
	*exec.Cmd
	t       *testing.T
	address string
	ended   chan struct{}
}

func startKeeper(t *testing.T) *testKeeper {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &testKeeper{t: t, address: l.Addr().String(), ended: make(chan struct{})}
	_ = l.Close()
	k.Cmd = processtest.Command("dynlb", "serve", k.address)
	if err := k.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = k.Wait()
		close(k.ended)
	}()
	t.Cleanup(func() {
		_ = k.Process.Kill()
		<-k.ended
	})
	return k
}

// ask sends a command to the worker that serves, and waits until there is one.
func (k *testKeeper) ask(command string) string {
	k.t.Helper()
	for end := time.Now().Add(processtest.Limit); ; time.Sleep(time.Millisecond) {
		answer, err := k.try(command)
		if err == nil && answer != "" {
			return answer
		}
		if time.Now().After(end) {
			k.t.Fatalf("%s: %q, %v", command, answer, err)
		}
	}
}

func (k *testKeeper) try(command string) (string, error) {
	c, err := net.Dial("tcp", k.address)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(processtest.Limit))
	fmt.Fprintln(c, command)
	text, err := io.ReadAll(c)
	return string(text), err
}

// state is what the worker that serves says of itself.
type state struct {
	epoch, worker, instance int
	blob                    string
}

func (k *testKeeper) state() (s state) {
	k.t.Helper()
	text := k.ask("state")
	if _, err := fmt.Sscanf(text, "epoch %d, worker %d, instance %d, blob %q", &s.epoch, &s.worker, &s.instance, &s.blob); err != nil {
		k.t.Fatalf("%q: %v", text, err)
	}
	return s
}

// exitCode waits for the end of the keeper.
func (k *testKeeper) exitCode() int {
	k.t.Helper()
	select {
	case <-k.ended:
	case <-time.After(processtest.Limit):
		k.t.Fatal("the keeper does not end")
	}
	return k.ProcessState.ExitCode()
}

// script writes a program.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dynlb")
	if err := processtest.WriteProgram(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// alive reports whether a process runs.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// expectDead waits until processes have ended.
func expectDead(t *testing.T, pids ...int) {
	t.Helper()
	left := func() int {
		return len(slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return !alive(pid) }))
	}
	if n := processtest.Settle(left, 0); n > 0 {
		t.Errorf("%d of the processes %v are left", n, pids)
	}
}
