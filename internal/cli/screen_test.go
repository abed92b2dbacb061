package cli

import (
	"strings"
	"testing"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestWatchRedraws: each frame of the table replaces the previous one.
func TestWatchRedraws(t *testing.T) {
	t.Parallel()
	var out daemontest.Buffer
	screen := newScreen(&out, outputTable)
	message := &dynlbv1.WatchInstancesResponse{
		Pool: &dynlbv1.Pool{Instances: []*dynlbv1.Instance{{Id: "0123456789"}}},
		Events: []*dynlbv1.Event{{
			Time: timestamppb.Now(), Type: dynlbv1.EventType_EVENT_TYPE_START_FAILED, Reason: "because",
		}},
	}
	for range 2 {
		if err := screen.show(message); err != nil {
			t.Fatal(err)
		}
	}
	text := out.String()
	if !strings.Contains(text, "\n01234567  ") || !strings.Contains(text, " start failed: because\n") {
		t.Errorf("drew %q", text)
	}
	// The summary, two lines of table, an empty one, one event.
	if want := "\x1b[5F\x1b[J"; strings.Count(text, want) != 1 {
		t.Errorf("the second frame does not replace the first: %q", text)
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for height, want := range map[int]string{0: "a\nb\nc\n", 2: "a\n", 3: "a\nb\n", 9: "a\nb\nc\n"} {
		if got := string(clip([]byte("a\nb\nc\n"), height)); got != want {
			t.Errorf("height %d: %q, want %q", height, got, want)
		}
	}
}
