package autoscaler

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/dynlb/dynlb/internal/machine"
	"github.com/dynlb/dynlb/internal/registry"
)

// Brakes says which limits of the machine keep the target from rising.
type Brakes struct{ Memory, Processors bool }

const (
	// sampleInterval is the time between two readings. One takes up to 0.5 ms.
	sampleInterval = 500 * time.Millisecond
	// brakeSpan is the time over which the use of the processors is measured. The kernel
	// counts in steps of 10 ms.
	brakeSpan = time.Second
	// busyIdle is the idle share of the processors below which they are the limit. The
	// pressure (PSI) alone does not show it: two busy loops on two processors leave
	// nothing idle and wait for nothing.
	busyIdle = 0.1
	// ownShare is the part of the busy time of the processors that the instances of the app
	// must use. If other programs use the rest, instances that wait for a database do not
	// take much, and more of them can do more. As many computing instances as processors
	// have half of the time beside as many busy programs.
	ownShare = 1.0 / 3
	// episodeWindows is how many windows must pass without a raise that a brake cuts
	// until the next one is news.
	episodeWindows = 2
)

// brakes is what was seen of the machine, and the brake that holds.
type brakes struct {
	samples []brakeSample // oldest first
	holding string        // "" when none does
	cut     time.Time     // when it last cut a raise
}

type brakeSample struct {
	at time.Time
	machine.Reading
}

// watchMachine reads the machine when it is due, and ends an episode.
func (s *Scaler) watchMachine(now time.Time) {
	b := &s.brakes
	if s.Room == nil || s.settings.Brakes == (Brakes{}) && b.holding == "" {
		return
	}
	if b.holding != "" && now.Sub(b.cut) >= episodeWindows*s.settings.Window {
		b.holding = ""
		s.Log.Info("scaling up is not held back any more")
		s.Board.SetBrake("")
	}
	if n := len(b.samples); n > 0 && now.Sub(b.samples[n-1].at) < sampleInterval {
		return
	}
	reading, at := s.Room.read(now)
	if n := len(b.samples); n > 0 && !at.After(b.samples[n-1].at) {
		return
	}
	b.samples = append(b.samples, brakeSample{at, reading})
	for len(b.samples) > 2 && now.Sub(b.samples[1].at) >= brakeSpan {
		b.samples = slices.Delete(b.samples, 0, 1)
	}
}

// brake returns the part of a raise to n that the machine bears, and the reason with
// what the brake says. The first instances are never held back: without them, requests
// would fail.
func (s *Scaler) brake(now *registry.Snapshot, n int, reason string) (allowed int, why string) {
	b := &s.brakes
	if len(b.samples) == 0 || s.target == 0 {
		return n, reason
	}
	allowed, name, figures := s.claim(now, n)
	if allowed == n {
		return n, reason
	}
	b.cut = now.Time
	if name != b.holding {
		b.holding = name
		s.Log.Warn("scaling up is held back", "brake", name, "target", s.target, "wanted", n, "allowed", allowed,
			"reason", figures, "hint", "brakes."+name+": false turns this off")
		s.Board.SetBrake(fmt.Sprintf("brakes.%s: %s: %d instances instead of %d", name, figures, allowed, n))
	}
	return allowed, fmt.Sprintf("%s, but %s: %d -> %d", reason, figures, s.target, allowed)
}

// claim takes the room of a raise to n: as much as the machine bears. It returns the
// brake that holds the rest back, with its figures.
func (s *Scaler) claim(now *registry.Snapshot, n int) (allowed int, name, figures string) {
	s.Room.mu.Lock()
	defer s.Room.mu.Unlock()
	others := s.Room.othersLocked(s)
	allowed = n
	each, pending := s.memoryNeed(now)
	if s.settings.Brakes.Memory {
		if room, text, ok := s.memoryRoom(each, pending, others.pending); ok && s.target+room < allowed {
			allowed, name, figures = s.target+room, "memory", text
		}
	}
	if s.settings.Brakes.Processors {
		if count, text, ok := s.busyProcessors(now); ok && max(s.target, count-others.target) < allowed {
			allowed, name, figures = max(s.target, count-others.target), "cpu", text
		}
	}
	s.Room.shares[s] = share{target: allowed, pending: pending + uint64(allowed-s.target)*each}
	return allowed, name, figures
}

// share returns what the app has of the machine.
func (s *Scaler) share(now *registry.Snapshot) share {
	_, pending := s.memoryNeed(now)
	return share{target: s.target, pending: pending}
}

// memoryNeed returns what an instance needs: what the ready ones use, as their median,
// 0 if that is not known. pending is what those will still need that are starting, or
// are to be started.
func (s *Scaler) memoryNeed(now *registry.Snapshot) (each, pending uint64) {
	var used []uint64
	for i := range now.Instances {
		if in := &now.Instances[i]; in.State == registry.Ready && in.Usage.Memory > 0 {
			used = append(used, in.Usage.Memory)
		}
	}
	if len(used) == 0 {
		return 0, 0
	}
	slices.Sort(used)
	each = used[len(used)/2]
	present := 0
	for i := range now.Instances {
		in := &now.Instances[i]
		if in.State == registry.Starting {
			pending += each - min(each, in.Usage.Memory)
		}
		if in.State != registry.Draining && !in.Staged {
			present++
		}
	}
	return each, pending + uint64(max(0, s.target-present))*each
}

// memoryRoom returns how many more instances there is memory for, with its figures. ok
// is false when something is not known.
func (s *Scaler) memoryRoom(each, pending, others uint64) (room int, figures string, ok bool) {
	limits := s.brakes.samples[len(s.brakes.samples)-1].Memory
	if each == 0 || len(limits) == 0 {
		return 0, "", false
	}
	tight := slices.MinFunc(limits, func(a, b machine.Memory) int {
		return int(min(1, max(-1, int64(a.Available)-int64(b.Available))))
	})
	room = int(min(math.MaxInt32, (tight.Available-min(tight.Available, pending+others))/each))
	figures = fmt.Sprintf("memory has room for %d more (%s available, %s; an instance uses %s",
		room, mebibytes(tight.Available), tight.Of, mebibytes(each))
	if others > 0 {
		figures += "; other apps are about to use " + mebibytes(others)
	}
	return room, figures + ")", true
}

// busyProcessors returns the number of processors, with its figures, if they are the
// limit: there is next to no idle time, and the instances use much of what is busy.
func (s *Scaler) busyProcessors(now *registry.Snapshot) (count int, figures string, ok bool) {
	first, last := &s.brakes.samples[0], &s.brakes.samples[len(s.brakes.samples)-1]
	span := last.at.Sub(first.at)
	if span < sampleInterval {
		return 0, "", false
	}
	own, known := usedProcessors(now)
	for _, to := range last.Processors {
		i := slices.IndexFunc(first.Processors, func(p machine.Processors) bool { return p.Of == to.Of })
		if i < 0 || to.Count <= 0 {
			continue
		}
		busy := (to.Busy - first.Processors[i].Busy).Seconds() / span.Seconds()
		if known && own < ownShare*busy {
			continue
		}
		idle := max(0, 1-busy/to.Count)
		if n := ceil(to.Count); idle < busyIdle && (!ok || n < count) {
			waited := min(1, (last.Waited-first.Waited).Seconds()/span.Seconds())
			count, ok = n, true
			figures = fmt.Sprintf("the processors are the limit (%.0f %% idle over %v, %s of %s; processes waited for %.0f %% of it)",
				100*idle, span.Round(time.Millisecond), processorCount(to.Count), to.Of, 100*waited)
		}
	}
	return count, figures, ok
}

// usedProcessors returns how many processors the instances use. known is false if no
// instance was measured.
func usedProcessors(now *registry.Snapshot) (n float64, known bool) {
	for i := range now.Instances {
		u := &now.Instances[i].Usage
		n += u.Cores
		known = known || !u.Measured.IsZero()
	}
	return n, known
}

func processorCount(n float64) string {
	if n == 1 {
		return "1 processor"
	}
	return figure(n) + " processors"
}

// mebibytes formats bytes for people.
func mebibytes(n uint64) string { return figure(float64(n)/(1<<20)) + "MiB" }
