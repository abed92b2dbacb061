package proxy_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// spend uses the retry budget up, until the test ends.
func (f *front) spend(t *testing.T) {
	t.Helper()
	done, stopped := make(chan struct{}), make(chan struct{})
	for f.registry.Retry() {
	}
	go func() { // ten a second come in
		defer close(stopped)
		for tick := time.NewTicker(time.Millisecond); ; {
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
				f.registry.Retry()
			}
		}
	}()
	t.Cleanup(func() {
		close(done)
		<-stopped
	})
}

// TestRetryBudget checks that each kind of retry needs budget, and that without budget
// the client gets the answer for the first attempt.
func TestRetryBudget(t *testing.T) {
	t.Parallel()
	dies := func(t *testing.T) string {
		l := proxytest.Listen(t)
		proxytest.ScriptOn(t, l, func(c *proxytest.Peer) {
			_ = c.Head()
			_ = l.Close()
		})
		return l.Addr().String()
	}
	for _, c := range []struct {
		name     string
		instance func(t *testing.T) string
		warm     bool // there is an idle connection to it
		with     int  // with budget
		without  int
		reason   string
	}{
		{"refused", func(t *testing.T) string { return closedAddress(t) }, false, 200, 502, "the instance cannot be reached"},
		{"closed while idle", func(t *testing.T) string { return newMortal(t, hangUp).address }, true, 200, 502, "closed the connection without a response"},
		{"died", dies, false, 200, 502, "closed the connection without a response"},
	} {
		for _, spent := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				f := newProxy(t, setup{instances: []string{c.instance(t), server(t, echo)}})
				client := newClient(t, "http1")
				if c.warm {
					readAll(t, get(t, client, f.url))
				}
				if spent {
					f.spend(t)
					// The wait for the end of an instance is a whole number of tenths of a
					// second. It must not be over just when a retry comes in.
					time.Sleep(50 * time.Millisecond)
				}
				before := f.registry.Snapshot()
				if res := get(t, client, f.url); spent {
					wantFault(t, res, c.without, c.reason)
				} else if body := readAll(t, res); res.StatusCode != c.with {
					t.Errorf("got %d %s, want %d", res.StatusCode, body, c.with)
				}
				after := f.registry.Snapshot()
				if n := after.Retries - before.Retries; !spent && n != 1 {
					t.Errorf("%d retries, want 1", n)
				}
				if after.RetriesDenied == before.RetriesDenied && spent {
					t.Error("none was denied")
				}
				f.idle(t)
			})
		}
	}
}

// TestRetryBudgetIsForRetries checks that a request without a retry takes nothing from
// the budget.
func TestRetryBudgetIsForRetries(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	client := newClient(t, "http1")
	for range 10 {
		readAll(t, do(t, client, newRequest(t, http.MethodPost, f.url, nil)))
	}
	if s := f.registry.Snapshot(); s.Retries != 0 || s.RetriesDenied != 0 {
		t.Errorf("%d retries, %d denied", s.Retries, s.RetriesDenied)
	}
}
