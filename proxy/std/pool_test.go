package std

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
)

var (
	toA = registry.TCP("127.0.0.1", 1)
	toB = registry.TCP("127.0.0.1", 2)
)

// newTestPool returns a pool whose connections are within the program, over instances
// that are proven to send no stray bytes.
func newTestPool(t *testing.T, limit int) *pool {
	t.Helper()
	var conduct policy.Conduct
	p := newPool(&clock{}, &conduct, func() int { return limit }, slog.New(slog.DiscardHandler))
	p.dial = func(ctx context.Context, _ registry.Endpoint) (net.Conn, error) {
		near, far := net.Pipe()
		t.Cleanup(func() { _ = far.Close() })
		return near, ctx.Err()
	}
	for _, to := range []registry.Endpoint{toA, toB} {
		prove(conduct.Of(to))
	}
	return p
}

// testApp returns an app without instances, which are known to keep connections.
func testApp() *route.App {
	app := route.NewApp("test", registry.New(registry.Options{}), route.Settings{})
	app.IdleTime().Answered(policy.StaleAfter)
	return app
}

// prove makes an instance a proven one.
func prove(tidy *policy.Tidiness) {
	for tidy.After(true) == policy.Rest {
		tidy.Rested(true, true)
	}
}

// connected returns a new connection.
func (p *pool) connected(t *testing.T, to registry.Endpoint) *upstream {
	t.Helper()
	u, err := p.connect(t.Context(), to, testApp())
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestPool(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newTestPool(t, 0)
		one, two, other := p.connected(t, toA), p.connected(t, toA), p.connected(t, toB)
		for _, u := range []*upstream{one, two, other} {
			p.put(u, true)
		}
		if got := p.get(toA, true); got != two || !two.reused {
			t.Error("not the one used last")
		}
		time.Sleep(policy.StaleAfter - time.Millisecond)
		if got := p.get(toB, true); got != other {
			t.Error("one that is idle just short of its time is not used")
		}
		p.put(other, true)
		p.put(two, true)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if !one.closed.Load() {
			t.Error("one that is idle for too long is open")
		}
		if two.closed.Load() || p.get(toA, true) != two || p.get(toA, true) != nil {
			t.Error("one that is not is closed, or there are too many")
		}
		time.Sleep(2 * policy.StaleAfter)
		synctest.Wait()
		if !other.closed.Load() || len(p.hosts[toB].idle) != 0 || !p.due.IsZero() {
			t.Errorf("left idle: %v, sweep at %v", p.hosts[toB].idle, p.due)
		}
		two.close()
		p.close()
		if n := p.open.Load(); n != 0 {
			t.Errorf("%d connections count as open", n)
		}
	})
}

// TestPoolStale checks that a connection that is too old is not used, even if the timer is
// late.
func TestPoolStale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newTestPool(t, 0)
		u := p.connected(t, toA)
		p.put(u, true)
		u.used = time.Now().Add(-policy.StaleAfter)
		if p.get(toA, true) != nil || !u.closed.Load() {
			t.Error("used, or open")
		}
		p.close()
	})
}

// TestPoolRest checks that a connection rests after a response that cannot have content,
// and when it is closed.
func TestPoolRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newTestPool(t, 0)
		for tidy := p.conduct.Of(toA); tidy.After(false) == policy.Rest && !tidy.Rested(false, true); {
			time.Sleep(policy.Settle) // until it is proven for such responses, too
		}
		u := p.connected(t, toA)
		p.put(u, false)
		time.Sleep(policy.Settle - time.Millisecond)
		if p.get(toA, true) != nil {
			t.Error("used before it has rested")
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if p.get(toA, true) != u {
			t.Error("not used when it has rested")
		}
		p.put(u, false)
		p.Drop(toA)
		if !u.closed.Load() {
			t.Error("one that rests stays when its instance leaves")
		}
		late := p.connected(t, toA)
		p.Drop(toA)
		p.put(late, true)
		if !late.closed.Load() {
			t.Error("one in use is kept when its instance has left")
		}
		p.close()
	})
}

// TestPoolSurplus checks that the connections of an instance are closed when there are
// bytes behind a response.
func TestPoolSurplus(t *testing.T) {
	t.Parallel()
	p := newTestPool(t, 0)
	t.Cleanup(p.close)
	idle, u := p.connected(t, toA), p.connected(t, toA)
	p.put(idle, true)
	u.intake.hold([]byte("HTTP/1.1 200 OK\r\n"))
	p.put(u, true)
	if !u.closed.Load() {
		t.Error("its connection is kept")
	}
	if p.get(toA, true) != nil || !idle.closed.Load() {
		t.Error("another connection of the instance is used")
	}
}

func TestPoolClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newTestPool(t, 0)
		idle, busy := p.connected(t, toA), p.connected(t, toA)
		p.put(idle, true)
		p.close()
		if !idle.closed.Load() {
			t.Error("idle one is open")
		}
		p.put(busy, true)
		if !busy.closed.Load() || p.get(toA, true) != nil {
			t.Error("one given back is open")
		}
	})
}

// TestPoolMakesRoom checks that dials count as connections until they fail.
func TestPoolMakesRoom(t *testing.T) {
	t.Parallel()
	p := newTestPool(t, 2)
	t.Cleanup(p.close)
	for _, content := range []bool{true, false} { // one of them rests
		p.put(p.connected(t, toA), content)
	}
	for range 2 {
		p.admit(toB, testApp())
	}
	h := p.hosts[toA]
	if n, left := p.open.Load(), len(h.idle)+len(h.resting); n != 2 || left != 0 {
		t.Errorf("%d connections, %d of them idle; want the two that are being made", n, left)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.connect(gone, toA, testApp()); !errors.Is(err, context.Canceled) || p.open.Load() != 2 {
		t.Errorf("%d connections after a dial that ended with %v, want 2", p.open.Load(), err)
	}
}
