package history

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/outcome"
)

// resolutions are those at which figures are kept, finest first. An app takes about
// 250 bytes a point, so 5 MiB at 1 s and at 10 s, and 20 MiB at 1 min, in the time that
// they are kept.
var resolutions = [...]struct {
	name      string
	step      time.Duration
	age       time.Duration
	share     int64 // of MaxBytes, in percent
	instances bool
}{
	{"1s", time.Second, 6 * time.Hour, 10, true},
	{"10s", 10 * time.Second, 48 * time.Hour, 15, true},
	{"1m", time.Minute, 100 * 365 * 24 * time.Hour, 50, false}, // bounded by MaxAge
}

// recorder keeps the events and the figures of one app.
type recorder struct {
	store   *Store
	app     string
	meter   *Meter
	pending [len(resolutions)]struct {
		points []*dynlbv1.HistoryPoint
		counts counts
	}
	restarts, retries uint64 // as of the last sample
}

// Record keeps the events of an app and its figures until ctx ends.
func (s *Store) Record(ctx context.Context, app string, board *notice.Board, meter *Meter) {
	r := &recorder{store: s, app: app, meter: meter}
	changed, stop := board.Watch()
	defer stop()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for next := r.events(board, 0); ; {
		select {
		case <-changed:
			next = r.events(board, next)
		case now := <-tick.C:
			shot := board.Snapshot()
			r.sample(now, &shot)
		case <-ctx.Done():
			r.events(board, next)
			return
		}
	}
}

// events keeps the events from a number on, and returns the next number.
func (r *recorder) events(board *notice.Board, first uint64) (next uint64) {
	events, lost, next := board.Events(first)
	r.store.dropped.Add(lost)
	for i := range events {
		if events[i].Sequence <= r.store.before {
			continue // a board that goes on with the journal of another process has it again
		}
		r.store.addEvent(EventOf(r.app, &events[i]))
	}
	return next
}

// sample adds a sample to the points of each resolution, and keeps those that are complete.
func (r *recorder) sample(now time.Time, shot *notice.Snapshot) {
	now = now.Truncate(time.Second)
	counted := r.meter.take()
	point := r.point(now, shot, counted)
	for i, resolution := range resolutions {
		p := &r.pending[i]
		p.points = append(p.points, point)
		p.counts.add(counted)
		if resolution.step > time.Second && now.UnixNano()%int64(resolution.step) != 0 && len(p.points) < int(resolution.step/time.Second) {
			continue
		}
		whole := merge(p.points)
		setPercentiles(whole, &p.counts)
		if !resolution.instances {
			whole.Instances = nil
		}
		p.points, p.counts = p.points[:0], counts{}
		payload, err := proto.MarshalOptions{}.MarshalAppend(append([]byte{byte(len(r.app))}, r.app...), whole)
		if err != nil {
			continue // an id that is not UTF-8
		}
		r.store.add(record{to: r.store.levels[i], at: now, payload: payload})
	}
}

// point returns a sample.
func (r *recorder) point(now time.Time, shot *notice.Snapshot, c *counts) *dynlbv1.HistoryPoint {
	p := &dynlbv1.HistoryPoint{
		Time:          timestamppb.New(now),
		Responses_1Xx: c.classes[0], Responses_2Xx: c.classes[1], Responses_3Xx: c.classes[2],
		Responses_4Xx: c.classes[3], Responses_5Xx: c.classes[4],
		ErrorsClient: c.sources[outcome.Client], ErrorsDynlb: c.sources[outcome.Dynlb], ErrorsInstance: c.sources[outcome.Instance],
		Waiting: float32(shot.Waiting), Load: float32(shot.MeanLoad()),
		ScaleUpThreshold: float32(shot.Thresholds.Up), ScaleDownThreshold: float32(shot.Thresholds.Down),
		Target: int32(shot.Target), MinInstances: int32(shot.Bounds.Min), MaxInstances: int32(shot.Bounds.Max),
		Starting: int32(shot.Count(registry.Starting)), Ready: int32(shot.Count(registry.Ready)),
		Unhealthy: int32(shot.Count(registry.Unhealthy)), Draining: int32(shot.Count(registry.Draining)),
		Restarts: uint32(shot.Restarts - r.restarts), Retries: uint32(shot.Retries - r.retries),
	}
	r.restarts, r.retries = shot.Restarts, shot.Retries
	for i := range shot.Instances {
		in := &shot.Instances[i]
		p.InFlight += float32(in.InFlight)
		p.Streams += float32(in.Streams)
		p.CpuCores += float32(in.Usage.Cores)
		p.MemoryBytes += float64(in.Usage.Memory)
		p.Instances = append(p.Instances, &dynlbv1.InstancePoint{
			Id: string(in.ID), CpuCores: float32(in.Usage.Cores), MemoryBytes: float64(in.Usage.Memory),
			InFlight: int32(in.InFlight), Load: float32(in.Load),
		})
	}
	return p
}

func setPercentiles(p *dynlbv1.HistoryPoint, c *counts) {
	p.P50Ms, p.P95Ms, p.P99Ms = c.percentile(.5), c.percentile(.95), c.percentile(.99)
}
