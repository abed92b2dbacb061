package simulate

import (
	"container/heap"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/dynlb/dynlb/internal/autoscaler"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// event is something that happens at a time.
type event struct {
	at  time.Duration
	seq int
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

// world is a simulation under way.
type world struct {
	Scenario
	random   *rand.Rand
	now      time.Duration
	base     time.Time
	queue    events
	seq      int
	registry *registry.Registry
	board    *notice.Board
	scaler   *autoscaler.Scaler
	changed  <-chan struct{}
	models   map[registry.ID]*instance
	target   int
	open     int // requests that have not ended
	result   Result
	stepSeq  int
}

// Run runs a scenario until its load has ended and every request has ended.
func Run(s Scenario) Result {
	w := &world{
		Scenario: s, random: rand.New(rand.NewPCG(s.Seed, 1)),
		base: time.Unix(1700000000, 0), models: make(map[registry.ID]*instance),
	}
	w.registry = registry.NewWithClock(s.Registry, func() time.Time { return w.base.Add(w.now) })
	board := notice.New(w.registry)
	w.board = board
	var stop func()
	w.changed, stop = board.Watch()
	defer stop()
	w.scaler = autoscaler.NewScaler(autoscaler.Options{Board: board, Fleet: w, Pool: w.registry, Log: slog.New(slog.DiscardHandler)}, s.Scaling)
	w.scaler.Start()
	if s.From > 0 {
		_, _ = w.scaler.ScaleTo(s.From, 0, "the beginning")
	}
	w.step()
	end := w.arrivals()
	w.crashes()
	for len(w.queue) > 0 && w.now < end+time.Hour {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		if w.now > end && w.open == 0 {
			break
		}
		e.do()
		select {
		case <-w.changed:
			if w.scaler.Urgent() {
				w.step()
			}
		default:
		}
	}
	return w.result
}

// after makes do happen after d.
func (w *world) after(d time.Duration, do func()) {
	w.seq++
	heap.Push(&w.queue, event{w.now + d, w.seq, do})
}

// step makes a step of the scaler and plans the next.
func (w *world) step() {
	next := w.scaler.Step()
	w.stepSeq++
	mine := w.stepSeq
	w.after(next, func() {
		if mine == w.stepSeq {
			w.step()
		}
	})
}
