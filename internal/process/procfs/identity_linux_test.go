package procfs

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	before := uptime(t)
	processtest.Start(t, processtest.Command("alive", line.Address()))
	child := line.Accept()
	after := uptime(t)
	got := Identity(child.PID)
	pid, start, _ := strings.Cut(got, ".")
	ticks, err := strconv.ParseUint(start, 10, 64)
	if started := time.Duration(ticks) * tick; pid != strconv.Itoa(child.PID) || err != nil || started < before-tick || started > after+tick {
		t.Errorf("Identity = %q, want pid %d, and a start between %v and %v after boot", got, child.PID, before, after)
	}
	if again := Identity(child.PID); again != got {
		t.Errorf("Identity = %q, then %q", got, again)
	}
	const absent = 1 << 30 // above the highest pid (Linux, include/linux/threads.h: 1<<22)
	if got := Identity(absent); got != "1073741824.0" {
		t.Errorf("Identity of no process = %q", got)
	}
}

// uptime returns the time since boot. It does not read /proc/uptime, which shows the
// age of the container in some containers (lxcfs).
func uptime(t *testing.T) time.Duration {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		t.Fatal(err)
	}
	return time.Duration(now.Nano())
}

func TestEnvironAndNamespace(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	cmd := processtest.Command("alive", line.Address())
	cmd.Env = append(cmd.Env, "LAST=a b")
	processtest.Start(t, cmd)
	child := line.Accept()
	if environ, err := Environ(child.PID); err != nil || !strings.HasSuffix(environ, "\x00LAST=a b\x00") {
		t.Errorf("Environ = %q, %v, want it to end with the last entry", environ, err)
	}
	own, err1 := PIDNamespace("self")
	its, err2 := PIDNamespace(strconv.Itoa(child.PID))
	if _, err := strconv.ParseUint(own, 10, 64); err != nil || err1 != nil || err2 != nil || its != own {
		t.Errorf("PID namespaces %q (%v) and %q (%v), want the same number", own, err1, its, err2)
	}
}

func TestKillIf(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	processtest.Start(t, processtest.Command("ignore-term", line.Address()))
	child := line.Accept()
	if KillIf(child.PID, func() bool { return false }) {
		t.Error("KillIf killed what does not match")
	}
	child.ExpectAlive()
	if !KillIf(child.PID, func() bool { return true }) {
		t.Error("KillIf did not kill")
	}
	child.ExpectDeath(processtest.Limit)
}
