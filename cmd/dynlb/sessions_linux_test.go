package main

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestSessionsStay: the sessions of an app stay at their instances in an upgrade, and when the
// worker dies.
func TestSessionsStay(t *testing.T) {
	t.Parallel()
	needKeeper(t)
	for _, by := range []string{"cookie", "{header: X-Session}"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			const sessions = 8
			p := spawn(t, "minInstances: 3\nmaxInstances: 3\nsticky: "+by+"\n")
			cookies, instances := make([]string, sessions), make([]string, sessions)
			// where returns which instance answers a session, and the cookie that it gets.
			where := func(i int) (instance, cookie string) {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url, nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("X-Session", strings.Repeat("s", i+1))
				r.Header.Set("Cookie", cookies[i])
				response, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				text, err := io.ReadAll(response.Body)
				if err != nil {
					t.Fatal(err)
				}
				cookie, _, _ = strings.Cut(response.Header.Get("Set-Cookie"), ";")
				return string(text), cookie
			}
			for i := range sessions {
				instances[i], cookies[i] = where(i)
			}
			same := func(after string) {
				t.Helper()
				for i := range sessions {
					if instance, cookie := where(i); instance != instances[i] || cookie != "" {
						t.Errorf("%s: session %d is at %q, was at %q; cookie %q", after, i, instance, instances[i], cookie)
					}
				}
			}
			same("before")
			if code, output := p.upgrade(); code != 0 {
				t.Fatalf("upgrade: exit code %d, %s", code, output)
			}
			same("upgrade")
			time.Sleep(2 * time.Second) // the state is saved each second, and nothing tells of it
			daemontest.Eventually(t, "one worker", func() bool { return len(p.commands("worker")) == 1 })
			if err := syscall.Kill(p.commands("worker")[0], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			daemontest.Eventually(t, "another worker", func() bool { return strings.Count(p.log.String(), `"serving"`) == 3 })
			same("death of the worker")
		})
	}
}
