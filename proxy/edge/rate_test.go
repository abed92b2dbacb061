package edge

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// TestRate: a bucket gives its burst at once, and then the rate; an idle one gives no more
// than the burst.
func TestRate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rate  Rate
		burst int
		every time.Duration
	}{
		{Rate{Requests: 20, Per: time.Second}, 20, 50 * time.Millisecond},
		{Rate{Requests: 600, Per: time.Minute}, 10, 100 * time.Millisecond},
		{Rate{Requests: 5, Per: time.Hour}, 1, 12 * time.Minute},
		{Rate{Requests: 1, Per: time.Second, Burst: 4}, 4, time.Second},
	} {
		due, at := int64(0), int64(time.Hour)
		allowed := func() bool {
			after, wait := c.rate.take(due, at)
			due = after
			return wait == 0
		}
		for range 2 { // the second time after a long pause
			n := 0
			for allowed() {
				n++
			}
			if n != c.burst {
				t.Errorf("%+v: %d at once, want %d", c.rate, n, c.burst)
			}
			_, wait := c.rate.take(due, at)
			if wait != c.every {
				t.Errorf("%+v: the next after %v, want %v", c.rate, wait, c.every)
			}
			at += int64(wait) - 1
			if allowed() {
				t.Errorf("%+v: one too early", c.rate)
			}
			at++
			if !allowed() || allowed() {
				t.Errorf("%+v: not one after %v", c.rate, wait)
			}
			at += int64(1000 * time.Hour)
		}
	}
}

// TestClients: clients have buckets of their own, a /64 counts as one, and their number is
// bounded, also when all are in use.
func TestClients(t *testing.T) {
	t.Parallel()
	s, r := new(State), &Rate{Requests: 1, Per: time.Hour}
	for _, c := range []struct {
		ip    string
		taken bool
	}{
		{"192.0.2.1", true},
		{"192.0.2.1", false},
		{"192.0.2.2", true},
		{"2001:db8::1", true},
		{"2001:db8::ffff:1", false},
		{"2001:db8:0:1::1", true},
	} {
		if taken := s.takeClient(r, netip.MustParseAddr(c.ip), 1) == 0; taken != c.taken {
			t.Errorf("%s: %t, want %t", c.ip, taken, c.taken)
		}
	}
	for i := range uint32(4 * shards * maxClients) {
		s.takeClient(r, netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, i))), 1)
	}
	n := 0
	for i := range s.clients {
		n += len(s.clients[i].due)
	}
	if n > shards*maxClients || n < shards*maxClients/2 {
		t.Errorf("%d clients are remembered, want %d at most", n, shards*maxClients)
	}
}

// TestSweep: full buckets make room, others stay.
func TestSweep(t *testing.T) {
	t.Parallel()
	h := shard{due: map[netip.Addr]int64{}}
	for i := range uint32(maxClients) {
		h.due[netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, i)))] = int64(i)
	}
	h.sweep(maxClients/2 - 1)
	if len(h.due) != maxClients/2 {
		t.Errorf("%d buckets are left, want those in use: %d", len(h.due), maxClients/2)
	}
}

func BenchmarkTakeClient(b *testing.B) {
	s, r, ip := new(State), &Rate{Requests: 1e9, Per: time.Second}, netip.MustParseAddr("192.0.2.1")
	for b.Loop() {
		s.takeClient(r, ip, now())
	}
}
