package process

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestMark(t *testing.T) {
	m := NewMark("one")
	if !ThisRun().covers(m) || !m.covers(m) {
		t.Errorf("%s is not covered by %s and by itself", m, ThisRun())
	}
	for _, other := range []Mark{NewMark("on"), NewMark("one2"), "1.1/one", ""} {
		if m.covers(other) {
			t.Errorf("%s covers %s", m, other)
		}
	}
	if got := m.run() + "/"; Mark(got) != ThisRun() {
		t.Errorf("run %s, want %s", got, ThisRun())
	}
	got, ok := markOf("A=b\x00" + markVariable + "=" + string(m) + "\x00C=d\x00")
	if !ok || got != m {
		t.Errorf("markOf = %s, %v", got, ok)
	}
	for _, none := range []string{"", "A=b\x00", "X" + markVariable + "=m\x00", markVariable + "\x00"} {
		if got, ok := markOf(none); ok {
			t.Errorf("markOf(%q) = %s", none, got)
		}
	}
}

// A grandchild that left the group and the session goes with the child.
func TestMarkedGrandchildDiesWithTheChild(t *testing.T) {
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

// One child's end is not another's, nor that of a process without a mark.
func TestMarksAreTheirOwn(t *testing.T) {
	line := newLifeline(t)
	var lives []life
	for _, mark := range []Mark{NewMark("one"), NewMark("two"), ""} {
		spec := roleSpec("alive", line.address())
		spec.Mark = mark
		start(t, spec)
		lives = append(lives, line.accept())
	}
	if killed, err := KillMarked(NewMark("one"), patience); killed != 1 || err != nil {
		t.Errorf("killed %d, %v, want one", killed, err)
	}
	lives[0].expectDeath(patience)
	lives[1].expectAlive()
	lives[2].expectAlive()
}

// When the process that started them is killed, its guard kills the grandchildren
// that the kernel does not.
func TestGuardKillsWhatIsLeft(t *testing.T) {
	line := newLifeline(t)
	p := start(t, roleSpec("guarded", "parent", "setpgid", "alive", line.address()))
	grandchild := line.accept()
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	grandchild.expectDeath(time.Second)
}

// What an earlier run left behind is found by its mark; what a run that goes on
// has started is let be.
func TestKillOrphans(t *testing.T) {
	line := newLifeline(t)
	spec := roleSpec("alive", line.address())
	spec.Mark = NewMark("mine")
	start(t, spec)
	mine := line.accept()
	spec = roleSpec("alive", line.address())
	// The pid is in use, but not by the process that had it then.
	spec.Mark = Mark(strings.Replace(string(NewMark("theirs")), ".", ".1", 1))
	start(t, spec)
	theirs := line.accept()
	if killed, err := KillOrphans(patience); killed != 1 || err != nil {
		t.Errorf("killed %d, %v, want one", killed, err)
	}
	theirs.expectDeath(patience)
	mine.expectAlive()
}

func TestGuardEndsWithClose(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(roleEnv, "guard")
	g, err := StartGuard([]string{self})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if _, err := StartGuard([]string{"/nonexistent/guard"}); err == nil {
		t.Error("a guard that does not exist was started")
	}
}
