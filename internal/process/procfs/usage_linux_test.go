package procfs

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseUsage(t *testing.T) {
	t.Parallel()
	const good = "7 (a) b (c) S 1 7 7 0 -1 0 0 0 0 0 100 20 3 4 20 0 5 0 99 1000 25 18446744073709551615"
	got, err := parseUsage(good)
	if want := (Usage{Memory: 25 * uint64(os.Getpagesize()), CPU: 1270 * time.Millisecond}); err != nil || got != want {
		t.Errorf("usage = %+v, %v, want %+v", got, err, want)
	}
	for state, want := range map[string]bool{"R": false, "D": false, "Z": false, "T": true, "t": true} {
		if got, err := parseUsage(strings.Replace(good, ") S ", ") "+state+" ", 1)); err != nil || got.Suspended != want {
			t.Errorf("state %s: suspended is %v, %v, want %v", state, got.Suspended, err, want)
		}
	}
	for _, bad := range []string{"", "7 (a) S 1 7", good[:len(good)-24], "7 (a) S 1 7 7 0 -1 0 0 0 0 0 x 20 3 4 20 0 5 0 99 1000 25 1"} {
		if got, err := parseUsage(bad); err == nil {
			t.Errorf("parseUsage(%q) = %+v, want an error", bad, got)
		}
	}
}
