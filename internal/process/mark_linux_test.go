package process

import (
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process/cgroup"
	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/processtest"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

// needCgroups skips a test where there are no cgroups.
func needCgroups(t *testing.T) {
	t.Helper()
	if !strings.HasPrefix(cgroup.Containment(), "cgroup") {
		t.Skip(cgroup.Containment())
	}
}

// A grandchild that has left group and session is killed when the child ends.
func TestMarkedGrandchildDiesWithTheChild(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	spec := roleSpec("parent", "setsid", "alive", line.Address())
	spec.Mark = orphan.NewMark(t.Name())
	p := start(t, spec)
	grandchild := line.Accept()
	if exit := await(t, p); exit.Code != 7 {
		t.Errorf("exit = %+v, want status 7", exit)
	}
	grandchild.ExpectDeath(time.Second)
}

// A grandchild that has left group and session, and has no mark, is killed when the
// child is stopped, and their cgroup is removed.
func TestClearedSetsidGrandchildDiesWithTheChild(t *testing.T) {
	t.Parallel()
	needCgroups(t)
	line := processtest.NewLifeline(t)
	spec := roleSpec("parent", "cleared", "ignore-term", line.Address())
	spec.Mark = orphan.NewMark(t.Name())
	p := start(t, spec)
	grandchild := line.Accept()
	if environ, err := procfs.Environ(grandchild.PID); err != nil || strings.Contains(environ, string(spec.Mark)) {
		t.Fatalf("the grandchild has a mark, or none can be read: %v", err)
	}
	if _, ok := p.child.Cgroup().CPU(); !ok {
		t.Fatal("the child has no cgroup")
	}
	p.Stop(t.Context(), 20*time.Millisecond)
	grandchild.ExpectDeath(time.Second)
	if _, ok := p.child.Cgroup().CPU(); ok {
		t.Error("cgroup left behind")
	}
}

// BenchmarkMark measures what a mark, and a cgroup, cost a child that starts and ends.
func BenchmarkMark(b *testing.B) {
	for name, mark := range map[string]orphan.Mark{"without": "", "with": orphan.NewMark("benchmark")} {
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
