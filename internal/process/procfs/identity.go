package procfs

import (
	"cmp"
	"fmt"
	"os"
	"sync"
)

// Identity returns a name for the process that has pid now, which no other
// process since boot has: PID.START, where START is its start time in clock
// ticks since boot. START is "0" when the process does not exist or its start
// time is not known.
func Identity(pid int) string {
	return fmt.Sprintf("%d.%s", pid, cmp.Or(startTime(pid), "0"))
}

// Self returns the identity of this process, which is read once: each start of an instance
// needs it twice.
var Self = sync.OnceValue(func() string { return Identity(os.Getpid()) })
