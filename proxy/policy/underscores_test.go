package policy

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

// TestUnderscores: each name is logged once, and only so many names.
func TestUnderscores(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, nil))
	var u Underscores
	note := func(fields string) {
		r := http1.NewRequest(http1.Limits{})
		if _, err := r.Parse([]byte("GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n")); err != nil {
			t.Fatal(err)
		}
		u.Note(r, log)
	}
	note("X-A: 1\r\n")
	if b.Len() > 0 {
		t.Errorf("logged: %s", &b)
	}
	for range 3 {
		note("X_A: 1\r\nX_B: 1\r\nX_A: 2\r\n")
	}
	if n := strings.Count(b.String(), underscoreNotice); n != 2 {
		t.Errorf("%d lines for two names: %s", n, &b)
	}
	for i := range 2 * maxUnderscores {
		note(fmt.Sprintf("X_%d: 1\r\n", i))
	}
	if n := strings.Count(b.String(), underscoreNotice); n != maxUnderscores {
		t.Errorf("%d lines, want %d", n, maxUnderscores)
	}
}
