package policy

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
)

// TestViolations checks that refused requests get one line a second for each status, and
// that the next line counts those without one.
func TestViolations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		var r Violations
		log := slog.New(slog.NewTextHandler(&text, nil))
		for range 1000 {
			r.Log(log, ErrSlowHead, "a")
			r.Log(log, &http1.Error{Status: 400, Reason: "x"}, "a")
		}
		if n := strings.Count(text.String(), "\n"); n != 2 {
			t.Errorf("%d lines, want 2", n)
		}
		time.Sleep(violationInterval)
		r.Log(log, ErrSlowHead, "a")
		if !strings.HasSuffix(text.String(), "unlogged=999\n") {
			t.Errorf("got %s", text.String())
		}
	})
}
