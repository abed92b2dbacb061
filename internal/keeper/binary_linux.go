package keeper

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// provenAfter is how long a worker of a new binary must serve until the binary is the one
// that takes the place of workers that die.
const provenAfter = 60 * time.Second

// binary is a program of dynlb. It is held open: it can be started after its file is gone.
type binary struct {
	name string
	file *os.File
}

// ownBinary returns the program of this process.
func ownBinary() (*binary, error) {
	name, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own program: %w", err)
	}
	return openBinary(name, "/proc/self/exe")
}

// openBinary opens the program with a name, at a path.
func openBinary(name, path string) (*binary, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0) // a program may be executable and not readable
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &binary{name: name, file: os.NewFile(uintptr(fd), name)}, nil
}

// findBinary returns the program at a path; for "", the one that this process was started
// as, looked up again: it may be another one by now.
func findBinary(path string) (*binary, error) {
	if path == "" {
		found, err := exec.LookPath(os.Args[0])
		if err != nil {
			return nil, err
		}
		path = found
	}
	return openBinary(path, path)
}

// path returns what the program is started by: its name as long as that is its file, as
// the name is what other programs show.
func (b *binary) path() string {
	held, err := b.file.Stat()
	if err == nil {
		if now, err := os.Stat(b.name); err == nil && os.SameFile(held, now) {
			return b.name
		}
	}
	return "/proc/self/fd/" + strconv.Itoa(int(b.file.Fd()))
}

// prove has the binary of a worker be the proven one if it serves for long enough.
func (k *keeper) prove(w *worker) {
	if w.binary == k.proven {
		return
	}
	k.after(provenAfter, func() {
		if k.active != w || k.current != w.binary {
			return
		}
		old := k.proven
		k.proven = w.binary
		k.Log.Info("the new binary has proved itself", "binary", w.binary.name, "version", w.version)
		k.release(old)
	})
}

// disprove goes back to the last proven binary when a worker of another one has died.
func (k *keeper) disprove(w *worker) {
	if w.binary != k.current || k.current == k.proven {
		return
	}
	k.Log.Error("the new binary has failed, going back to the one before", "binary", w.binary.name, "version", w.version, "before", k.proven.name)
	k.revert(k.proven, "a worker of it has ended: "+w.cmd.ProcessState.String())
}

// revert has the workers to come be of the binary before.
func (k *keeper) revert(before *binary, why string) {
	old := k.current
	k.current = before
	k.release(old)
	k.report.Last = k.carriedOut // others may have failed since
	k.noteResult(Reverted, why)
}

// release closes a binary that is not going to be started any more.
func (k *keeper) release(b *binary) {
	if b != k.current && b != k.proven {
		_ = b.file.Close() // nothing was written
	}
}
