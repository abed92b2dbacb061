package process

import (
	"os"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/processtest"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

func init() { roles["init"] = roleInit }

// roleInit: init HOW ADDRESS makes itself the parent of orphans, as process 1 of a
// container is. It runs a child that plays parent HOW, and exits with the number of
// children that are left after the end of that child
func roleInit(args []string) int {
	const prSetChildSubreaper = 36 // prctl(2)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0); errno != 0 {
		panic(errno)
	}
	spec := roleSpec("parent", args[0], "alive", args[1])
	spec.Mark = orphan.NewMark("test")
	p, err := Start(spec)
	if err != nil {
		panic(err)
	}
	<-p.Done()
	procs, err := procfs.Processes()
	if err != nil {
		panic(err)
	}
	left := 0
	for _, proc := range procs {
		if proc.PPID == os.Getpid() {
			left++
		}
	}
	return left
}

func TestOrphansOfTheGroupAreReaped(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("init", "leave", line.Address()))
	line.Accept()
	if exit := await(t, p); exit.Code != 0 {
		t.Errorf("exit = %+v, want no child left", exit)
	}
}

func TestOrphansOutsideTheGroupAreReaped(t *testing.T) {
	t.Parallel()
	needCgroups(t)
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("init", "setsid", line.Address()))
	line.Accept()
	if exit := await(t, p); exit.Code != 0 {
		t.Errorf("exit = %+v, want no child left", exit)
	}
}
