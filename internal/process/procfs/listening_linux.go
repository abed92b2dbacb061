package procfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// ListensOn reports whether the processes of a group, or their descendants,
// listen on a TCP port. It first reads the leader alone, which usually is the
// process that listens. Only if that does not own the port, it reads all
// processes of the machine.
//
// The error wraps ErrUnsupported when the owner of the port cannot be found.
func ListensOn(group, port int) (Listening, error) {
	l := Listening{Port: port}
	sockets, err := listenSockets()
	if err != nil {
		return l, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	own := make(map[uint64]bool) // inodes of the instance's sockets
	err = addSockets(own, group)
	l.evaluate(sockets, own)
	if l.Owned {
		return l, nil
	}
	procs, procsErr := Processes()
	if procsErr != nil {
		return l, fmt.Errorf("%w: %w", ErrUnsupported, procsErr)
	}
	for _, pid := range family(procs, group) {
		if pid != group {
			err = errors.Join(err, addSockets(own, pid))
		}
	}
	l.evaluate(sockets, own)
	if !l.Owned && errors.Is(err, fs.ErrPermission) {
		// The process that could not be read may own the socket.
		return l, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return l, nil
}

// evaluate sets all fields but Port. own has the inodes of the instance's sockets.
func (l *Listening) evaluate(sockets []listenSocket, own map[uint64]bool) {
	l.Owned, l.Taken, l.Ports = false, false, nil
	for _, s := range sockets {
		port := int(s.addr.Port())
		mine := own[s.inode]
		if mine {
			l.Ports = append(l.Ports, port)
		}
		if port == l.Port && s.onLoopback() {
			l.Owned = l.Owned || mine
			l.Taken = l.Taken || !mine
		}
	}
	if l.Owned = l.Owned && !l.Taken; l.Owned {
		l.Ports = nil
	}
	slices.Sort(l.Ports)
	l.Ports = slices.Compact(l.Ports)
}

// addSockets adds the inodes of all sockets that a process has open. A process
// that has ended adds nothing.
func addSockets(inodes map[uint64]bool, pid int) error {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	names, err := readDirNames(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		target, err := os.Readlink(filepath.Join(dir, name))
		if err != nil {
			continue // closed since the listing
		}
		text, ok := strings.CutPrefix(target, "socket:[")
		if !ok {
			continue
		}
		if inode, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 64); err == nil {
			inodes[inode] = true
		}
	}
	return nil
}
