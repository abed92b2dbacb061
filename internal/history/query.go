package history

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/history/segment"
)

// The bounds of a query: of the step, and of the number of points that it may have.
const (
	MinStep   = time.Second
	MaxStep   = 24 * time.Hour
	MaxPoints = 5000
	fewPoints = 600 // that a query without a step has at most
)

// ErrPoints reports a query that would return too many points.
var ErrPoints = fmt.Errorf("there would be more than %d points: a longer step makes fewer", MaxPoints)

// steps are those that a query without a step may get, shortest first.
var steps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, MaxStep,
}

// Query says which figures to read.
type Query struct {
	App       string
	From, To  time.Time
	Step      time.Duration // 0: the shortest that makes few points of what was kept
	Instances bool          // with those of each instance
}

// Points returns the figures of an app, oldest first, and the step from one to the next.
func (s *Store) Points(q Query) ([]*dynlbv1.HistoryPoint, time.Duration, error) {
	if !q.From.Before(q.To) {
		return nil, 0, errors.New("the beginning must be before the end")
	}
	step := q.Step
	if step == 0 {
		step = s.step(&q)
	}
	level := s.level(q.From, step)
	if resolution := resolutions[level].step; step%resolution != 0 {
		step += resolution - step%resolution
	}
	if q.Step != 0 && q.To.Sub(q.From)/step > MaxPoints {
		return nil, 0, ErrPoints
	}
	points, err := s.read(s.levels[level], &q, step)
	if err != nil {
		return nil, 0, fmt.Errorf("read history: %w", err)
	}
	return points, step, nil
}

// step returns the step of a query without one: the shortest that makes few points of the
// time that there are figures of.
func (s *Store) step(q *Query) (step time.Duration) {
	from := q.To
	for _, l := range s.levels {
		if first := begin(l, q.From); first.Before(from) {
			from = first
		}
	}
	if from.Equal(q.To) { // there are none
		from = q.From
	}
	for _, step = range steps {
		if q.To.Sub(from) <= fewPoints*step {
			break
		}
	}
	return step
}

// level returns the resolution to read: the coarsest that is fine enough for the step, or
// a coarser one if that reaches further back.
func (s *Store) level(from time.Time, step time.Duration) int {
	best := 0
	for i, r := range resolutions {
		if r.step <= step {
			best = i
		}
	}
	for i := best + 1; i < len(resolutions); i++ {
		if begin(s.levels[i], from).Before(begin(s.levels[best], from)) {
			best = i
		}
	}
	return best
}

// begin returns from when on a log has records of a time and later ones.
func begin(l *segment.Log, from time.Time) time.Time {
	first, ok := l.First()
	switch {
	case !ok:
		return time.Unix(1<<40, 0)
	case first.Before(from):
		return from
	default:
		return first
	}
}

// read returns the points of a log, as many as there are merged into each step.
func (s *Store) read(l *segment.Log, q *Query, step time.Duration) (out []*dynlbv1.HistoryPoint, err error) {
	var pending []*dynlbv1.HistoryPoint
	var end time.Time // of the step of the pending points
	flush := func() {
		if len(pending) > 0 {
			whole := merge(pending)
			whole.Time = timestamppb.New(end)
			out = append(out, whole)
		}
		pending = pending[:0]
	}
	err = l.Read(l.Seek(q.From), func(r segment.Record) bool {
		if r.Time.After(q.To) {
			return false
		}
		p := q.parse(r)
		if p == nil {
			return true
		}
		if at := endOf(r.Time, step); !at.Equal(end) {
			flush()
			end = at
		}
		pending = append(pending, p)
		return true
	})
	flush()
	return out, err
}

// endOf returns the end of the step that a time is in.
func endOf(at time.Time, step time.Duration) time.Time {
	if end := at.Truncate(step); end.Equal(at) {
		return end
	}
	return at.Truncate(step).Add(step)
}

// parse returns the point of a record, nil if it is not asked for.
func (q *Query) parse(r segment.Record) *dynlbv1.HistoryPoint {
	if !r.Time.After(q.From) || len(r.Payload) == 0 {
		return nil
	}
	name, rest := r.Payload[1:], int(r.Payload[0])
	if len(name) < rest || string(name[:rest]) != q.App {
		return nil
	}
	p := new(dynlbv1.HistoryPoint)
	if proto.Unmarshal(name[rest:], p) != nil {
		return nil
	}
	if !q.Instances {
		p.Instances = nil
	}
	return p
}
