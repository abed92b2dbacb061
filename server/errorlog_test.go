package server

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestErrorLogIsBounded: a thousand failed handshakes make one line a second, and the next
// one counts the others. A panic is always logged.
func TestErrorLogIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		text := &lines{}
		l := &errorLog{log: slog.New(slog.NewTextHandler(text, nil))}
		for range 1000 {
			fmt.Fprintln(l, "http: TLS handshake error")
		}
		if n := strings.Count(text.String(), "\n"); n != 1 {
			t.Errorf("%d lines, want 1", n)
		}
		time.Sleep(denialInterval)
		fmt.Fprintln(l, "http: TLS handshake error")
		fmt.Fprintln(l, "http: panic serving")
		if got := text.String(); !strings.Contains(got, "unlogged=999") || !strings.Contains(got, "panic serving") {
			t.Errorf("got %s", got)
		}
	})
}
