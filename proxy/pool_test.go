package proxy

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/internal/settings"
)

// newPipe returns a connection out of p's pool, and the instance's end of it.
func newPipe(t *testing.T, p *pool, at registry.Endpoint) (*upstream, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { _ = far.Close() })
	transport := &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return near, nil },
	}
	client, err := transport.NewClientConn(t.Context(), "http", at.Address)
	if err != nil {
		t.Fatal(err)
	}
	_, h := p.to(at)
	return &upstream{pool: p, host: h, client: client, socket: &socket{phase: atEnd}}, far
}

func TestPool(t *testing.T) {
	a, b := registry.TCP("a", 1), registry.TCP("b", 1)
	synctest.Test(t, func(t *testing.T) {
		p := newPool(&Settings{})
		one, _ := newPipe(t, p, a)
		two, _ := newPipe(t, p, a)
		other, _ := newPipe(t, p, b)
		for _, u := range []*upstream{one, two, other} {
			u.release()
		}
		if got := p.get(a); got != two {
			t.Error("not the one used last")
		}
		time.Sleep(settings.StaleAfter - time.Millisecond)
		if got := p.get(b); got != other {
			t.Error("one that is idle just short of 4 s is not used")
		}
		other.release()
		two.release()
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if one.client.Err() == nil {
			t.Error("one that is idle for 4 s is open")
		}
		if two.client.Err() != nil || p.get(a) != two || p.get(a) != nil {
			t.Error("one that is not is closed, or there are too many")
		}
		time.Sleep(2 * settings.StaleAfter)
		synctest.Wait()
		if other.client.Err() == nil || len(p.hosts[b].idle) != 0 || p.sweep != nil {
			t.Errorf("left idle: %v", p.hosts[b].idle)
		}
		two.close()
		p.close()
	})
}

// TestPoolStale: one that is too old is not used even if the timer is late.
func TestPoolStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(&Settings{})
		u, _ := newPipe(t, p, registry.TCP("a", 1))
		u.release()
		u.idleSince = u.idleSince.Add(-settings.StaleAfter)
		if p.get(registry.TCP("a", 1)) != nil || u.client.Err() == nil {
			t.Error("used, or open")
		}
		p.close()
	})
}

func TestPoolDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(&Settings{})
		u, far := newPipe(t, p, registry.TCP("a", 1))
		u.release()
		_ = far.Close()
		synctest.Wait()
		if p.get(registry.TCP("a", 1)) != nil {
			t.Error("a connection that the instance closed is used")
		}
		p.close()
	})
}

func TestPoolClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(&Settings{})
		idle, _ := newPipe(t, p, registry.TCP("a", 1))
		busy, _ := newPipe(t, p, registry.TCP("a", 1))
		idle.release()
		p.close()
		if idle.client.Err() == nil {
			t.Error("idle one is open")
		}
		busy.release()
		if busy.client.Err() == nil || p.get(registry.TCP("a", 1)) != nil {
			t.Error("one given back is open")
		}
		synctest.Wait()
	})
}

// TestPoolMakesRoom: connections that are being made count, too, but not those that
// could not be made.
func TestPoolMakesRoom(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	address := registry.Endpoint{Network: "tcp", Address: l.Addr().String()}
	p := newPool(&Settings{MaxConnections: 2})
	p.sweep = time.NewTimer(time.Hour) // however slow the test is, none is closed for its age
	t.Cleanup(p.close)
	var idle []*upstream
	for range 2 {
		u, err := p.dial(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, u)
	}
	for _, u := range idle {
		u.release()
	}
	p.to(registry.TCP("b", 1))
	p.to(registry.TCP("c", 1))
	if n, left := p.open.Load(), len(p.hosts[address].idle); n != 2 || left != 0 {
		t.Errorf("%d connections, %d of them idle; want the two that are being made", n, left)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.dial(gone, address); err == nil || p.open.Load() != 2 {
		t.Errorf("%d connections after a dial that ended with %v, want 2", p.open.Load(), err)
	}
}
