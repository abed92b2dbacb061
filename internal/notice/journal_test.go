package notice

import (
	"strconv"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

func TestEventsAndTheirLoss(t *testing.T) {
	t.Parallel()
	b, r := newBoard()
	id := add(t, r)
	if err := r.Transition(id, registry.Unhealthy, "test"); err != nil {
		t.Fatal(err)
	}
	now, events, lost := b.Since(0)
	want := []EventType{Starting, Ready, Unhealthy}
	if len(events) != len(want) || lost != 0 || now.NextEvent != 3 {
		t.Fatalf("events %+v, next %d, lost %d", events, now.NextEvent, lost)
	}
	for i, e := range events {
		if e.Type != want[i] || e.ID != id || e.Reason != "test" || e.Time.IsZero() {
			t.Errorf("event %d: %+v", i, e)
		}
	}
	for i := range maxJournal + 10 {
		b.SetTrouble(strconv.Itoa(i))
	}
	now, events, lost = b.Since(now.NextEvent)
	if len(events) != maxJournal || lost != 10 || now.NextEvent != b.Snapshot().NextEvent {
		t.Fatalf("after an overflow: %d events, %d lost, next %d", len(events), lost, now.NextEvent)
	}
	if events[0].Reason != "10" {
		t.Errorf("the oldest event left is %q, want 10", events[0].Reason)
	}
}

// TestJournalGrowsWithTheRate: frequent events are kept for a reader that looks once a
// second, and rare ones take no more room.
func TestJournalGrowsWithTheRate(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	fill := func(rate, seconds int) (j journal, lost uint64) {
		for second := range seconds {
			first := j.next
			for n := range rate {
				j.add(Event{Time: begin.Add(time.Duration(second)*time.Second + time.Duration(n)*time.Second/time.Duration(rate)), Sequence: j.next})
			}
			events, missing := j.since(first)
			lost += missing
			for i, e := range events {
				if e.Sequence != first+missing+uint64(i) {
					t.Fatalf("event %d is number %d", i, e.Sequence)
				}
			}
		}
		return j, lost
	}
	if j, lost := fill(1000, 10); lost != 0 || len(j.ring) != maxJournal {
		t.Errorf("a thousand a second: %d lost, room for %d", lost, len(j.ring))
	}
	if j, lost := fill(50, 100); lost != 0 || len(j.ring) != minJournal {
		t.Errorf("fifty a second: %d lost, room for %d", lost, len(j.ring))
	}
}

// TestEveryStateHasItsEvent: what the registry tells arrives as the event of the
// same name.
func TestEveryStateHasItsEvent(t *testing.T) {
	t.Parallel()
	for state, want := range map[registry.State]EventType{
		registry.Starting:  Starting,
		registry.Ready:     Ready,
		registry.Unhealthy: Unhealthy,
		registry.Draining:  Draining,
		registry.Stopped:   Stopped,
	} {
		if got := eventOf(state); got != want {
			t.Errorf("%v is event %d, want %d", state, got, want)
		}
	}
}
