package proxy_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// spender uses a retry budget up, until the test ends.
type spender struct {
	registry *registry.Registry
	mu       sync.Mutex // guards all below; held during a call of Retry
	spent    uint64
}

// spend begins to use the retry budget up, of which ten a second come in.
func (f *front) spend(t *testing.T) *spender {
	t.Helper()
	s := &spender{registry: f.registry}
	done, stopped := make(chan struct{}), make(chan struct{})
	for s.retry() {
	}
	go func() { // ends with the test
		defer close(stopped)
		for tick := time.NewTicker(time.Millisecond); ; {
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
				s.retry()
			}
		}
	}()
	t.Cleanup(func() {
		close(done)
		<-stopped
	})
	return s
}

func (s *spender) retry() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	granted := s.registry.Retry()
	if granted {
		s.spent++
	}
	return granted
}

// others returns how many retries were granted that it did not make. A nil spender has
// made none.
func (s *spender) others(r *registry.Registry) uint64 {
	if s == nil {
		return r.Snapshot().Retries
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.Snapshot().Retries - s.spent
}

// budgetCase is a kind of retry.
type budgetCase struct {
	name     string
	instance func(t *testing.T) string
	warm     bool // there is an idle connection to it
	with     int  // with budget
	without  int
	reason   string
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
	for _, c := range []budgetCase{
		{"refused", func(t *testing.T) string { return closedAddress(t) }, false, 200, 502, "the instance cannot be reached"},
		{"closed while idle", func(t *testing.T) string { return newMortal(t, hangUp).address }, true, 200, 502, "closed the connection without a response"},
		{"died", dies, false, 200, 502, "closed the connection without a response"},
	} {
		for _, spent := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				for range 20 {
					if c.try(t, spent) {
						return
					}
				}
				t.Error("there was budget each time")
			})
		}
	}
}

// try makes a request that needs a retry. It reports false if there was budget in spite
// of spent: on a busy machine the spender comes too late now and then.
func (c *budgetCase) try(t *testing.T, spent bool) bool {
	t.Helper()
	f := newProxy(t, setup{instances: []string{c.instance(t), server(t, echo)}})
	client := newClient(t, "http1")
	if c.warm {
		readAll(t, get(t, client, f.url))
	}
	var s *spender
	if spent {
		s = f.spend(t)
		// The wait for the end of an instance is a whole number of tenths of a
		// second. It must not be over just when a retry comes in.
		time.Sleep(50 * time.Millisecond)
	}
	before, denied := s.others(f.registry), f.registry.Snapshot().RetriesDenied
	res := get(t, client, f.url)
	n := s.others(f.registry) - before
	switch {
	case !spent && n != 1:
		t.Errorf("%d retries, want 1", n)
		fallthrough
	case !spent:
		if body := readAll(t, res); res.StatusCode != c.with {
			t.Errorf("got %d %s, want %d", res.StatusCode, body, c.with)
		}
	case n > 0:
		readAll(t, res)
		return false
	default:
		wantFault(t, res, c.without, c.reason)
		if f.registry.Snapshot().RetriesDenied == denied {
			t.Error("none was denied")
		}
	}
	f.idle(t)
	return true
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
