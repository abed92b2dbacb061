package local

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/process/procfs"
	"github.com/dynlb/dynlb/internal/registry"
)

// onSockets has the children of a fleet listen on sockets in a folder, which it
// returns.
func onSockets(t *testing.T) (runtime string, change func(*Settings, *machine)) {
	t.Helper()
	runtime, err := os.MkdirTemp("", "d") //nolint:usetesting // shorter than t.TempDir: see maxSocketPath
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(runtime) })
	return runtime, func(c *Settings, m *machine) {
		m.runtime = runtime
		c.Program.SocketArgv = func(path string) []string { return []string{"app", path} }
	}
}

// TestSocketPlace: each instance has a socket of its own, which it finds in its
// environment. It is reached there, and the socket is removed when it has ended.
func TestSocketPlace(t *testing.T) {
	t.Setenv("PORT", "4000") // that of dynlb
	runtime, change := onSockets(t)
	withFleet(t, func(c *Settings, m *machine) {
		change(c, m)
		c.Program.Env = map[string]string{"LISTEN": "unix:{socket}"}
	}, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		r.want("2 ready")
		now := r.registry.Snapshot()
		processes := r.all()
		for _, in := range now.Instances {
			path := in.Endpoint.Address
			k := slices.IndexFunc(processes, func(p *fakeProcess) bool { return p.spec.Argv[1] == path })
			if k < 0 {
				t.Fatalf("no process listens on %s", path)
			}
			p := processes[k]
			if in.Endpoint.Network != "unix" || filepath.Dir(filepath.Dir(path)) != runtime || in.Port != 0 || in.State != registry.Ready {
				t.Errorf("instance %+v", in)
			}
			if !slices.Contains(p.spec.Env, "DYNLB_SOCKET="+path) || !slices.Contains(p.spec.Env, "LISTEN=unix:"+path) {
				t.Errorf("argv %q, env %q", p.spec.Argv, p.spec.Env)
			}
			if slices.ContainsFunc(p.spec.Env, func(e string) bool { return strings.HasPrefix(e, "PORT=") }) {
				t.Errorf("PORT is in the environment of an instance on a socket")
			}
			if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("folder: %v, %v", info.Mode(), err)
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil { // what a killed app leaves behind
				t.Error(err)
			}
		}
		r.all()[0].die("signal: killed")
		r.after(50 * time.Millisecond)
		r.want("2 ready")
		if left := len(folders(t, runtime)); left != 2 {
			t.Errorf("%d folders for 2 instances", left)
		}
		r.Scale(0, "test")
		r.after(time.Minute)
		if left := folders(t, runtime); len(left) > 0 {
			t.Errorf("folders remain: %q", left)
		}
	})
}

// folders returns what is in a folder.
func folders(t *testing.T, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestSocketOfAFailedStart: a program that does not start leaves no folder behind.
func TestSocketOfAFailedStart(t *testing.T) {
	t.Parallel()
	runtime, change := onSockets(t)
	withFleet(t, change, func(t *testing.T, r *rig) {
		r.refuseStarts(errors.New("no such program"))
		r.Scale(1, "test")
		r.after(10 * time.Second)
		if left := folders(t, runtime); len(left) > 0 {
			t.Errorf("folders remain: %q", left)
		}
	})
}

// TestSocketImpostor: an instance is not ready if another program listens on its
// socket; verifyPort: false turns that off.
func TestSocketImpostor(t *testing.T) {
	t.Parallel()
	for _, verify := range []bool{true, false} {
		_, change := onSockets(t)
		withFleet(t, func(c *Settings, m *machine) {
			change(c, m)
			c.Program.VerifyPort = verify
			m.boot = time.Second
		}, func(t *testing.T, r *rig) {
			r.Scale(1, "test")
			synctest.Wait()
			r.all()[0].set(func(p *fakeProcess) { p.listening.Owned = false })
			r.after(1100 * time.Millisecond)
			got := r.board.Snapshot().LastExit.Reason
			if strings.Contains(got, "another program answered on the socket") != verify || (r.ready() == 1) == verify {
				t.Errorf("verifyPort %v: %q, %s", verify, got, r.counts())
			}
		})
	}
}

// TestSocketNotMade: the status says that an app ignores its socket, and where it
// listens instead.
func TestSocketNotMade(t *testing.T) {
	t.Parallel()
	_, change := onSockets(t)
	withFleet(t, func(c *Settings, m *machine) { change(c, m); m.boot = time.Hour }, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		synctest.Wait()
		r.all()[0].set(func(p *fakeProcess) { p.listening = procfs.Listening{Ports: []int{3000}} })
		r.after(11 * time.Second)
		if got := r.registry.Trouble(); !strings.HasPrefix(got, "not ready within 10s: it listens on port 3000, not on the socket /") {
			t.Errorf("trouble %q", got)
		}
	})
}

// TestSocketPathTooLong: the path of a socket has a limit, and the error says what to
// set.
func TestSocketPathTooLong(t *testing.T) {
	t.Parallel()
	runtime := filepath.Join(t.TempDir(), strings.Repeat("x", maxSocketPath))
	if err := os.Mkdir(runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	_, change := onSockets(t)
	withFleet(t, func(c *Settings, m *machine) { change(c, m); m.runtime = runtime }, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(time.Second)
		if got := r.registry.Trouble(); !strings.Contains(got, "set XDG_RUNTIME_DIR to a folder with a shorter path") {
			t.Errorf("trouble %q", got)
		}
		if left := folders(t, runtime); len(left) > 0 {
			t.Errorf("folders remain: %q", left)
		}
	})
}
