package history

import (
	"context"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// TestJournalOfAnotherProcess: the events that a board has from the process before are kept
// once: in memory all of them, in a folder those that are not there yet.
func TestJournalOfAnotherProcess(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, dir string
	}{{"memory", ""}, {"folder", t.TempDir()}} {
		sequence := notice.NewSequence(0)
		journal := notice.SavedJournal{}
		var want uint64
		for range 3 {
			s := open(t, test.dir)
			board := notice.NewNumbered(registry.New(registry.Options{}), sequence)
			board.RestoreJournal(journal)
			board.RecordUncleanEnd("test")
			want++
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			var meters Meters
			s.Record(ctx, "a", board, meters.Of("a"))
			s.Flush()
			events, _, err := s.Events(EventQuery{App: "a", Limit: 100})
			if err != nil || uint64(len(events)) != want {
				t.Errorf("%s: %d events, want %d; %v", test.name, len(events), want, err)
			}
			journal = board.SaveJournal()
			closeStore(t, s)
			time.Sleep(time.Millisecond) // the numbers of the next process begin with the time
		}
	}
}
