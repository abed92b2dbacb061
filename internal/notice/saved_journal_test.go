package notice

import (
	"encoding/json"
	"slices"
	"testing"
	"time"
)

// sequencesOf returns the numbers of events.
func sequencesOf(events []Event) (all []uint64) {
	for i := range events {
		all = append(all, events[i].Sequence)
	}
	return all
}

// TestSavedJournal: a reader that knows the events up to one has all later ones from the board
// of another process, each once.
func TestSavedJournal(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 3, maxJournal + 100} {
		before, _ := newBoard()
		begin := before.Snapshot().LastEvent
		for range n {
			before.SetLastExit(Exit{ID: "a", Time: time.Now(), Reason: "exit status 1", Output: []string{"last words"}})
		}
		text, err := json.Marshal(before.SaveJournal())
		if err != nil {
			t.Fatal(err)
		}
		var s SavedJournal
		if err := json.Unmarshal(text, &s); err != nil {
			t.Fatal(err)
		}
		after, _ := newBoard()
		after.RestoreJournal(s)
		if got, want := after.Snapshot().LastEvent, before.Snapshot().LastEvent; got != want && n > 0 {
			t.Errorf("%d events: the last one is %d, want %d", n, got, want)
		}
		after.RecordUncleanEnd("new")
		all, want := s.Events, sequencesOf(s.Events)
		_, events, whole := after.After(begin)
		got := sequencesOf(events)
		if len(want) == maxJournal {
			want = want[1:] // the new one takes the place of the oldest
		}
		if len(got) != len(want)+1 || !slices.Equal(got[:len(want)], want) || got[len(want)] <= before.Snapshot().LastEvent {
			t.Errorf("%d events: after the first, %d of %d", n, len(got), len(want)+1)
		}
		if whole != (n <= maxJournal) {
			t.Errorf("%d events: whole %v", n, whole)
		}
		if n < 2 {
			continue
		}
		_, events, whole = after.After(all[len(all)-2].Sequence)
		if len(events) != 2 || !whole || events[0].Reason != "exit status 1" || events[0].Output[0] != "last words" || !events[0].Time.Equal(all[len(all)-1].Time) {
			t.Errorf("%d events: after the last but one %+v, whole %v", n, events, whole)
		}
	}
}
