//go:build unix

package runs

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/dynlb/dynlb/internal/process/procfs"
)

// Alive reports whether the process of a record still runs.
func (r *Record) Alive() bool {
	if r.PID <= 0 {
		return false
	}
	if err := syscall.Kill(r.PID, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	if strings.HasSuffix(r.Identity, ".0") { // its start time is not known here
		return true
	}
	return procfs.Identity(r.PID) == r.Identity
}

// ownedByMe reports whether a file belongs to the user of this process.
func ownedByMe(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
