package explain

import (
	"fmt"
	"os"
)

// Exit says in words how a child ended: "exit status 1", "signal: killed". state
// is nil when the child could not be reaped; err then says why.
func Exit(state *os.ProcessState, err error) string {
	if state == nil {
		return err.Error()
	}
	return state.String()
}

// OutOfMemory returns an addition to the reason of a SIGKILL that dynlb did not
// send, given how many OOM kills the kernel counted in the child's cgroup since
// the child started. It returns "" for none. Other processes may share the cgroup,
// so the text gives the count and asks.
func OutOfMemory(kills uint64) string {
	if kills == 0 {
		return ""
	}
	return fmt.Sprintf(" (out of memory? OOM kills in its cgroup since it started: %d)", kills)
}
