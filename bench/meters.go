package main

import (
	"os"
	"time"
)

// meters are the clocks of a window: read at its beginning and its end.
type meters struct {
	peer       groupClock
	begin, end reading
	memory     uint64
}

// A reading is all clocks at one moment.
type reading struct {
	at           time.Time
	peer, client time.Duration // CPU time
}

func (m *meters) read() (reading, error) {
	peer, err := m.peer.read()
	if err != nil {
		return reading{}, err
	}
	client, err := processCPU(os.Getpid())
	return reading{at: time.Now(), peer: peer, client: client}, err
}

func (m *meters) readBegin() (err error) {
	m.begin, err = m.read()
	return err
}

// readEnd reads what there is to read at the end, the clocks first.
func (m *meters) readEnd() (err error) {
	if m.end, err = m.read(); err != nil {
		return err
	}
	if err := m.peer.check(); err != nil {
		return err
	}
	m.memory, err = groupMemory(m.peer.group)
	return err
}

// fill writes what the meters say into r.
func (m *meters) fill(r *loadResult) {
	r.Elapsed = m.end.at.Sub(m.begin.at)
	r.PeerCPU = m.end.peer - m.begin.peer
	r.ClientCPU = m.end.client - m.begin.client
	r.Memory = m.memory
}
