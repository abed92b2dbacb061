// Package history is what dynlb remembers of its apps: events with their causes, and
// figures over time at three resolutions. It is kept in the state folder, or in memory if
// there is none.
//
// Nothing here is on the way of a request but a [Meter], which counts. Figures are sampled
// once a second, and a goroutine of the Store writes: a slow disk delays nothing else, and
// what it does not take in time is dropped and counted.
package history

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/history/segment"
)

// Options say where a Store is, and how much it keeps.
type Options struct {
	// Dir is the folder. "": everything is kept in memory, and less of it.
	Dir string
	// MaxBytes is how much is kept on the disk at most.
	MaxBytes int64
	// MaxAge is how long events, and figures at the lowest resolution, are kept.
	MaxAge time.Duration
	// Log gets what cannot be written. Required.
	Log *slog.Logger
}

// memoryBytes is how much each of the events and the resolutions may take without a
// folder: some thousand events, and 2 hours of an app at 1 s.
const memoryBytes = 1 << 20

// queueLength is how many records may wait for the disk: the events of some seconds, while
// it is synced.
const queueLength = 4096

// syncSeries is how often figures are synced. Events are, within a second. Both outlive
// the process without it, so only a loss of power can cost figures.
const syncSeries = time.Minute

// Store is the history of all apps. Create one with Open. Its methods are safe for
// concurrent use.
type Store struct {
	log    *slog.Logger
	events *segment.Log
	levels [len(resolutions)]*segment.Log

	queue   chan record
	closing chan struct{}
	close   func() // closes closing, once
	done    chan struct{}
	dropped atomic.Uint64 // events
	before  uint64        // the last number among the events that were there at Open
	failing bool          // owned by run: the log has it that writing fails
}

// record is one that is to be written.
type record struct {
	to      *segment.Log
	at      time.Time
	payload []byte
	event   bool
	written chan<- struct{} // of Flush: nothing is written, and this gets a value
}

// Open returns the Store of a folder. Call Close at the end.
func Open(o Options) (*Store, error) {
	s := &Store{
		log: o.Log, queue: make(chan record, queueLength), closing: make(chan struct{}), done: make(chan struct{}),
	}
	s.close = sync.OnceFunc(func() { close(s.closing) })
	open := func(name string, share int64, age time.Duration) (*segment.Log, error) {
		if o.Dir == "" {
			return segment.Open(segment.Options{MaxBytes: memoryBytes, MaxAge: age})
		}
		return segment.Open(segment.Options{Dir: filepath.Join(o.Dir, name), MaxBytes: o.MaxBytes * share / 100, MaxAge: age})
	}
	var err error
	if s.events, err = open("events", eventShare, o.MaxAge); err != nil {
		return nil, err
	}
	for i, r := range resolutions {
		if s.levels[i], err = open(r.name, r.share, min(r.age, o.MaxAge)); err != nil {
			return nil, err
		}
	}
	s.before = s.Last()
	go s.run() // ends with Close, which waits for it
	return s, nil
}

// run writes what is in the queue.
func (s *Store) run() {
	defer close(s.done)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	synced := time.Now()
	for {
		select {
		case r := <-s.queue:
			s.write(r)
		case now := <-tick.C:
			s.sync(s.events)
			if now.Sub(synced) >= syncSeries {
				synced = now
				s.sync(s.levels[:]...)
			}
		case <-s.closing:
			for {
				select {
				case r := <-s.queue:
					s.write(r)
				default:
					return
				}
			}
		}
	}
}

// write writes a record. The log tells once that it fails, and once that it works again.
func (s *Store) write(r record) {
	if r.written != nil {
		r.written <- struct{}{}
		return
	}
	err := r.to.Append(r.at, r.payload)
	switch {
	case err == nil && s.failing:
		s.failing = false
		s.log.Info("history is written again", "eventsDropped", s.dropped.Load())
	case err != nil && !s.failing:
		s.failing = true
		s.log.Error("history cannot be written, dropping it", "error", err)
	}
	if err != nil && r.event {
		s.dropped.Add(1)
	}
}

func (s *Store) sync(logs ...*segment.Log) {
	for _, l := range logs {
		if err := l.Sync(); err != nil && !s.failing {
			s.failing = true
			s.log.Error("history cannot be written to the disk", "error", err)
		}
	}
}

// add has a record written, unless the queue is full.
func (s *Store) add(r record) {
	select {
	case s.queue <- r:
	default:
		if r.event {
			s.dropped.Add(1)
		}
	}
}

// addEvent has an event written.
func (s *Store) addEvent(e *dynlbv1.Event) {
	payload, err := proto.Marshal(e)
	if err != nil { // it has text that is not UTF-8, which EventOf replaces
		s.dropped.Add(1)
		return
	}
	s.add(record{to: s.events, at: e.GetTime().AsTime(), payload: payload, event: true})
}

// Dropped returns how many events could not be kept.
func (s *Store) Dropped() uint64 { return s.dropped.Load() }

// Flush waits until what was added before has been written.
func (s *Store) Flush() {
	written := make(chan struct{})
	select {
	case s.queue <- record{written: written}:
	case <-s.done:
		return
	}
	select {
	case <-written:
	case <-s.done:
	}
}

// Close writes what is left. Nothing may be added any more.
func (s *Store) Close() error {
	s.close()
	<-s.done
	err := s.events.Close()
	for _, l := range s.levels {
		err = errors.Join(err, l.Close())
	}
	if err != nil {
		return fmt.Errorf("close history: %w", err)
	}
	return nil
}
