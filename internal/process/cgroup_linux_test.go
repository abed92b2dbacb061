package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// cgroupsOf lists the cgroups that a run has made.
func cgroupsOf(run string) []string {
	var own []string
	names, _ := readDirNames(ownHierarchy().dir)
	for _, name := range names {
		if strings.HasPrefix(name, cgroupPrefix) && strings.Contains(name, "-"+run+"-") {
			own = append(own, name)
		}
	}
	return own
}

// needCgroups skips a test of what only cgroups can do.
func needCgroups(t *testing.T) hierarchy {
	t.Helper()
	h := ownHierarchy()
	if h.problem != "" {
		t.Skip(Containment())
	}
	return h
}

// withHierarchy has children started in another hierarchy until the test ends.
func withHierarchy(t *testing.T, h hierarchy) {
	t.Helper()
	before := ownHierarchy
	ownHierarchy = func() hierarchy { return h }
	t.Cleanup(func() { ownHierarchy = before })
}

// runIn starts a role in a cgroup, without the rest of a Process.
func runIn(t *testing.T, c *cgroup, spec Spec) *exec.Cmd {
	t.Helper()
	cmd := &exec.Cmd{Path: spec.Argv[0], Args: spec.Argv, Env: spec.Env, SysProcAttr: sysProcAttr(nil)}
	if err := c.start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.end(patience); _ = cmd.Wait() })
	return cmd
}

func TestContainment(t *testing.T) {
	for _, test := range []struct {
		h    hierarchy
		want string
	}{
		{hierarchy{}, "cgroup v2 (cgroup.kill)"},
		{hierarchy{signals: true}, "cgroup v2 (signals)"},
		{hierarchy{problem: "cgroup2 is not writable"}, "process group and environment mark: cgroup2 is not writable"},
	} {
		if got := test.h.String(); got != test.want {
			t.Errorf("%#v is %q, want %q", test.h, got, test.want)
		}
	}
	t.Log("here:", Containment())
}

func TestCgroupDir(t *testing.T) {
	const (
		pure   = "26 25 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		hybrid = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
			"35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
			"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		legacy = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		inside = "26 25 0:23 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup ro\n"
		odd    = "26 25 0:23 / /a\\040b rw - cgroup2 cgroup2 rw\n"
		above  = "26 25 0:23 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
	)
	for _, test := range []struct{ mounts, membership, want string }{
		{pure, "0::/system.slice/dynlb.service\n", "/sys/fs/cgroup/system.slice/dynlb.service"},
		{pure, "0::/\n", "/sys/fs/cgroup"},
		{hybrid, "4:memory:/app\n0::/user.slice\n", "/sys/fs/cgroup/unified/user.slice"},
		{inside, "0::/docker/abc/init\n", "/sys/fs/cgroup/init"},
		{inside + odd, "0::/system.slice\n", "/a b/system.slice"},
		{inside, "0::/docker/abcd\n", ""},
		{pure, "0::/../outside\n", ""},
		{above, "0::/\n", ""},
		{legacy, "0::/\n", ""},
		{pure, "4:memory:/app\n", ""},
		{"", "", ""},
		{"odd - cgroup2\n", "0::/\n", ""},
	} {
		got, err := cgroupDir(test.mounts, test.membership)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("cgroupDir(%q, %q) = %q, %v, want %q", test.mounts, test.membership, got, err, test.want)
		}
	}
}

// A grandchild that has left group and session and has no mark goes with the
// child, and nothing is left of their cgroup.
func TestClearedSetsidGrandchildDiesWithTheChild(t *testing.T) {
	needCgroups(t)
	line := newLifeline(t)
	spec := roleSpec("parent", "cleared", "ignore-term", line.address())
	spec.Mark = NewMark(t.Name())
	p := start(t, spec)
	grandchild := line.accept()
	if marked(grandchild.pid, func(Mark) bool { return true }, nil) {
		t.Fatal("the grandchild bears a mark")
	}
	p.Stop(t.Context(), 20*time.Millisecond)
	grandchild.expectDeath(time.Second)
	if _, err := os.Stat(p.cgroup.dir); !os.IsNotExist(err) {
		t.Errorf("the cgroup is left: %v", err)
	}
}

// Without cgroup.kill, the same by signals, also to a cgroup below.
func TestCgroupEndsBySignals(t *testing.T) {
	h := needCgroups(t)
	h.signals = true
	c, err := h.add()
	if err != nil {
		t.Fatal(err)
	}
	line := newLifeline(t)
	runIn(t, c, roleSpec("parent", "cleared", "ignore-term", line.address()))
	grandchild := line.accept()
	below := &cgroup{dir: filepath.Join(c.dir, "a", "b")}
	if err := os.MkdirAll(below.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	runIn(t, below, roleSpec("ignore-term", line.address()))
	other := line.accept()
	if pids := c.pids(); len(pids) != 3 || !slices.Contains(pids, grandchild.pid) || !slices.Contains(pids, other.pid) {
		t.Errorf("processes %v, want three, with %d and %d", pids, grandchild.pid, other.pid)
	}
	if err := c.end(patience); err != nil {
		t.Error(err)
	}
	grandchild.expectDeath(time.Second)
	other.expectDeath(time.Second)
	if _, err := os.Stat(c.dir); !os.IsNotExist(err) {
		t.Errorf("the cgroup is left: %v", err)
	}
}

// When the process that started them is killed, its guard kills by cgroup what
// has left the group and the session and cleared its environment.
func TestGuardKillsClearedGrandchild(t *testing.T) {
	needCgroups(t)
	line := newLifeline(t)
	p := start(t, roleSpec("guarded", "parent", "cleared", "ignore-term", line.address()))
	grandchild := line.accept()
	run := runOf(p.PID())
	if len(cgroupsOf(run)) != 1 {
		t.Errorf("cgroups of run %s: %v, want one", run, cgroupsOf(run))
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	grandchild.expectDeath(time.Second)
	if left := settled(func() int { return len(cgroupsOf(run)) }, 0); left > 0 {
		t.Errorf("cgroups left: %v", cgroupsOf(run))
	}
}

// What is in the cgroup of a run that is over goes; what a run that goes on has
// started stays.
func TestKillOrphansEndsCgroupsOfDeadRuns(t *testing.T) {
	h := needCgroups(t)
	line := newLifeline(t)
	spec := roleSpec("alive", line.address())
	spec.Mark = NewMark("mine")
	start(t, spec)
	mine := line.accept()
	c, err := h.add()
	if err != nil {
		t.Fatal(err)
	}
	// The pid is in use, but not by the process that had it then.
	if err := os.Remove(c.dir); err != nil {
		t.Fatal(err)
	}
	c.dir = strings.Replace(c.dir, "-"+thisRun()+"-", "-"+strings.Replace(thisRun(), ".", ".1", 1)+"-", 1)
	if err := os.Mkdir(c.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	orphan := runIn(t, c, roleSpec("alive", line.address()))
	theirs := line.accept()
	if _, err := KillOrphans(patience); err != nil {
		t.Error(err)
	}
	theirs.expectDeath(patience)
	mine.expectAlive()
	if err := orphan.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the orphan's end: %v, want it killed", err)
	}
	if _, err := os.Stat(c.dir); !os.IsNotExist(err) {
		t.Errorf("the cgroup is left: %v", err)
	}
}

// A child whose cgroup cannot be made or entered is started all the same.
func TestStartWithoutItsCgroup(t *testing.T) {
	plain := t.TempDir()
	for _, dir := range []string{plain, "/nonexistent"} {
		withHierarchy(t, hierarchy{dir: dir})
		line := newLifeline(t)
		spec := roleSpec("parent", "setsid", "alive", line.address())
		spec.Mark = NewMark(t.Name())
		p := start(t, spec)
		grandchild := line.accept()
		if exit := await(t, p); exit.Code != 7 {
			t.Errorf("exit = %+v, want status 7", exit)
		}
		grandchild.expectDeath(time.Second)
	}
	if names, err := readDirNames(plain); err != nil || len(names) > 0 {
		t.Errorf("left behind: %v, %v", names, err)
	}
}

func TestCgroupProcessorTime(t *testing.T) {
	c := &cgroup{dir: t.TempDir()}
	if _, ok := c.cpu(); ok {
		t.Error("processor time without a count")
	}
	if err := os.WriteFile(c.dir+"/cpu.stat", []byte("usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if cpu, ok := c.cpu(); !ok || cpu != 1500*time.Microsecond {
		t.Errorf("processor time %v, %v, want 1.5ms", cpu, ok)
	}
}

// Nobody's cgroup has nothing and does nothing.
func TestNilCgroup(t *testing.T) {
	var c *cgroup
	c.kill()
	if _, ok := c.cpu(); ok || c.pids() != nil || c.end(0) != nil {
		t.Error("a nil cgroup has something")
	}
}

// BenchmarkCgroup measures what a cgroup of its own costs a child that starts and ends.
func BenchmarkCgroup(b *testing.B) {
	for name, mark := range map[string]Mark{"without": "", "with": NewMark("benchmark")} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				p, err := Start(Spec{Argv: []string{"/bin/true"}, Mark: mark})
				if err != nil {
					b.Fatal(err)
				}
				<-p.Done()
			}
		})
	}
}
