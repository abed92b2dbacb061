package fastpath

import (
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/internal/registry"
)

// note is something that another goroutine hands in to a loop: what the registry
// has decided on an exchange that waits there, something to be done, or else a
// client's connection.
type note struct {
	exchange *exchange
	lease    registry.Lease
	err      error

	do func()

	arrival arrival
}

// inbox is how others reach a loop. It may be posted to by any goroutine, the
// loop's own too.
type inbox struct {
	wake   int // an eventfd
	asleep atomic.Bool
	full   atomic.Bool // there are notes

	mu    sync.Mutex // guards all below
	notes []note
	read  []note // what take returned last
	over  bool   // nobody will take any more
}

func newInbox() (*inbox, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	return &inbox{wake: fd}, err
}

// post leaves a note, and wakes the loop if it waits for events. It reports
// whether anyone will read it.
func (in *inbox) post(n note) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.over {
		return false
	}
	in.notes = append(in.notes, n)
	in.full.Store(true)
	if in.asleep.Swap(false) {
		one := uint64(1)
		_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, uintptr(in.wake), uintptr(unsafe.Pointer(&one)), 8) //nolint:gosec // G103: the kernel is done with it when the call returns
	}
	return true
}

// take returns the notes that came since. They are good until the next call.
func (in *inbox) take() []note {
	if !in.full.Load() {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	clear(in.read)
	in.full.Store(false)
	in.notes, in.read = in.read[:0], in.notes
	return in.read
}

// woken takes back what post has written.
func (in *inbox) woken() {
	var count uint64
	_, _, _ = syscall.RawSyscall(unix.SYS_READ, uintptr(in.wake), uintptr(unsafe.Pointer(&count)), 8) //nolint:gosec // G103: the kernel is done with it when the call returns
}

// close ends the inbox, and returns the last notes.
func (in *inbox) close() []note {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.over = true
	_ = unix.Close(in.wake)
	return in.notes
}
