package process

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// listensOn is ListensOn for the group pgid.
func listensOn(pgid, port int) (Listening, error) {
	l := Listening{Port: port}
	sockets, err := listenSockets()
	if err != nil {
		return l, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	own := make(map[uint64]bool) // inodes of the child's sockets

	// The child itself is the one that listens, mostly: no need to look at
	// every process of the machine.
	err = addSockets(own, pgid)
	l.judge(sockets, own)
	if l.Owned {
		return l, nil
	}
	procs, procsErr := processes()
	if procsErr != nil {
		return l, fmt.Errorf("%w: %w", ErrUnsupported, procsErr)
	}
	for _, pid := range family(procs, pgid) {
		if pid != pgid {
			err = errors.Join(err, addSockets(own, pid))
		}
	}
	l.judge(sockets, own)
	if !l.Owned && errors.Is(err, fs.ErrPermission) {
		// The socket may be behind the door that stayed closed.
		return l, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return l, nil
}

// judge fills in the findings, given the inodes of the child's sockets.
func (l *Listening) judge(sockets []listenSocket, own map[uint64]bool) {
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

// family returns the processes of a group and all their descendants, also those
// that moved to another group or session.
func family(procs []proc, pgid int) []int {
	children := make(map[int][]int)
	var pids []int
	for _, p := range procs {
		children[p.ppid] = append(children[p.ppid], p.pid)
		if p.pgrp == pgid {
			pids = append(pids, p.pid)
		}
	}
	seen := make(map[int]bool)
	for _, pid := range pids {
		seen[pid] = true
	}
	for i := 0; i < len(pids); i++ {
		for _, child := range children[pids[i]] {
			if !seen[child] {
				seen[child] = true
				pids = append(pids, child)
			}
		}
	}
	return pids
}
