//go:build unix

package daemon

import (
	"log/slog"
	"math"
	"syscall"

	"github.com/dynlb/dynlb/internal/config"
)

// The open files of dynlb itself, without those that clients cost. Counted on
// Linux.
const (
	// ownFiles are standard input, output and error, the runtime's epoll and its
	// cgroup's files (7), the listeners (4), the guard (3), the watch of the config
	// file (1), and files that are open for a moment: the pipes and folders of an
	// instance that is starting (10), files of /proc (4), the config file and
	// listeners that replace others (3). That is 32; the other 32 are for the
	// clients of the control plane.
	ownFiles = 64
	// loopFiles are the epoll and the eventfd of an event loop. There is one loop
	// for each processor.
	loopFiles = 2
	// instanceFiles are the two pipes of an instance's output, its pidfd and the
	// connection of a health check, twice: during a rolling restart each instance
	// may have a draining predecessor.
	instanceFiles = 8
)

const (
	// clientFiles are the open files of two clients: each has its own connection
	// and one to an instance, and every fourth client has a pipe for a large
	// response, which is two files.
	clientFiles = 2 + 2 + 1
	// minShare bounds what clients get from below: one in eight of all open files,
	// even if dynlb itself then has too few.
	minShare = 8
	// fewConnections is the number of connections below which the log warns: a
	// load balancer is expected to take more.
	fewConnections = 1000
)

// openFiles returns how many files dynlb may have open, 0 for no limit. The Go
// runtime has raised the soft limit to the hard one.
func openFiles() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || limit.Cur > math.MaxInt32 {
		return 0
	}
	return int(limit.Cur)
}

// connectionsWithin returns how many clients may be connected so that a limit of
// files suffices for them, for their requests and for dynlb itself. 0: no limit.
func connectionsWithin(files, maxInstances int) int {
	if files == 0 {
		return 0
	}
	left := files - ownFiles - loopFiles*processors() - instanceFiles*maxInstances
	return max(1, files/minShare, 2*left/clientFiles)
}

// logOpenFiles warns when the limit of open files allows few clients only.
func logOpenFiles(log *slog.Logger, settings *config.Config) {
	files := openFiles()
	n := connectionsWithin(files, instanceLimit(settings))
	if settings.Limits.Connections != 0 || files == 0 || n >= fewConnections {
		return
	}
	log.Warn("the limit of open files is low: more clients than connections have to wait",
		"openFiles", files, "connections", n, "remedy", "raise the hard limit (ulimit -Hn, or LimitNOFILE= of systemd)")
}
