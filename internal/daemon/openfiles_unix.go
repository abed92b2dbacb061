//go:build unix

package daemon

import (
	"log/slog"
	"math"
	"runtime"
	"syscall"

	"github.com/dynlb/dynlb/internal/config"
)

// What dynlb itself keeps open, besides what clients cost. Counted on Linux.
const (
	// ownFiles are standard input, output and error, the runtime's epoll and its
	// cgroup's files (7), the listeners (4), the guard (3), the watch of the config
	// file (1), and what is open for a moment only: the pipes and folders of an
	// instance that is started (10), files of /proc (4), the config, listeners that
	// take the place of others (3). The other half is for the clients of the
	// control service.
	ownFiles = 64
	// loopFiles are the epoll and the eventfd of an event loop; there is one for
	// each processor.
	loopFiles = 2
	// instanceFiles are the two pipes of an instance's output, its pidfd and the
	// connection of a health check, twice: in a rolling restart there may be
	// another one that drains in each place.
	instanceFiles = 8
)

const (
	// clientFiles is what two clients cost: each its connection and one to an
	// instance, and every fourth a pipe for a large response, which has two ends.
	clientFiles = 2 + 2 + 1
	// leastShare is the part of the open files that clients' connections get when
	// what is left after dynlb's own would be less.
	leastShare = 8
	// fewConnections is below what a load balancer is expected to take.
	fewConnections = 1000
)

// openFiles is how many files dynlb may have open, 0 when there is no limit. The
// runtime has raised it to the hard limit.
func openFiles() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil || limit.Cur > math.MaxInt32 {
		return 0
	}
	return int(limit.Cur)
}

// connectionsWithin is how many clients may be connected so that files, which is
// how many may be open, are enough for them, their requests and dynlb itself.
func connectionsWithin(files, maxInstances int) int {
	if files == 0 {
		return 0
	}
	left := files - ownFiles - loopFiles*runtime.GOMAXPROCS(0) - instanceFiles*maxInstances
	return max(1, files/leastShare, 2*left/clientFiles)
}

// logOpenFiles says so when few clients may be connected, for want of files.
func logOpenFiles(log *slog.Logger, settings *config.Config) {
	files := openFiles()
	n := connectionsWithin(files, settings.MaxInstances)
	if settings.Limits.Connections != 0 || files == 0 || n >= fewConnections {
		return
	}
	log.Warn("few files may be open, so few clients may be connected; more wait to be accepted",
		"openFiles", files, "connections", n, "remedy", "raise the hard limit (ulimit -Hn, or LimitNOFILE= of systemd)")
}
