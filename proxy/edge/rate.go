package edge

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Rate is a number of requests in a time. The zero value is no limit.
type Rate struct {
	// Requests may be made in each Per, evenly spread.
	Requests int
	Per      time.Duration
	// Burst is how many may come at once. Zero: as many as in a second, at least one.
	Burst int
}

func (r *Rate) isSet() bool { return r.Requests > 0 }

// interval returns the time between two requests at the rate.
func (r *Rate) interval() int64 { return max(1, int64(r.Per)/int64(r.Requests)) }

// ahead returns how far before its time a request may come.
func (r *Rate) ahead() int64 {
	burst := int64(r.Burst)
	if burst == 0 {
		burst = max(1, int64(time.Second)/r.interval())
	}
	return (burst - 1) * r.interval()
}

// take takes a request out of a bucket of tokens at a time. due is when the bucket will be
// full again (the generic cell rate algorithm): one number in place of a count and a
// time. If the bucket is empty, take returns due as it was, and how long until there is a
// token.
func (r *Rate) take(due, now int64) (after int64, wait time.Duration) {
	if early := max(due, now) - r.ahead() - now; early > 0 {
		return due, time.Duration(early)
	}
	return max(due, now) + r.interval(), 0
}

// State is what the rules remember of the requests of an app. It stays when the rules
// change. The zero value is ready for use, and safe for concurrent use.
type State struct {
	app     atomic.Int64 // the bucket of all requests
	clients [shards]shard
}

const (
	// shards are as many locks for the buckets of clients.
	shards = 16
	// maxClients bounds the buckets of one shard: together they take some megabytes.
	maxClients = 4096
)

// shard holds the buckets of some of the clients.
type shard struct {
	mu  sync.Mutex
	due map[netip.Addr]int64
}

// seed spreads the clients over the shards.
var seed = maphash.MakeSeed()

// began is what the times of buckets count from.
var began = time.Now()

// now returns the time of buckets.
func now() int64 { return int64(time.Since(began)) + 1 }

// takeApp takes a request out of the bucket of the app. It returns how long until there
// is a token, 0 if there was one.
func (s *State) takeApp(r *Rate, now int64) time.Duration {
	for {
		due := s.app.Load()
		after, wait := r.take(due, now)
		if wait > 0 || s.app.CompareAndSwap(due, after) {
			return wait
		}
	}
}

// takeClient takes a request out of the bucket of a client, as takeApp does.
func (s *State) takeClient(r *Rate, client netip.Addr, now int64) time.Duration {
	client = household(client)
	h := &s.clients[maphash.Comparable(seed, client)%shards]
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.due == nil {
		h.due = make(map[netip.Addr]int64)
	}
	due, known := h.due[client]
	after, wait := r.take(due, now)
	if wait > 0 {
		return wait
	}
	if !known && len(h.due) >= maxClients {
		h.sweep(now)
	}
	h.due[client] = after
	return 0
}

// sweep makes room: full buckets are as good as none. If all are in use, an eighth of the
// clients is forgotten.
func (h *shard) sweep(now int64) {
	for client, due := range h.due {
		if due <= now {
			delete(h.due, client)
		}
	}
	for client := range h.due { // in no order
		if len(h.due) < maxClients-maxClients/8 {
			return
		}
		delete(h.due, client)
	}
}

// household returns what counts as one client: an address of IPv4, and of IPv6 the first
// of its /64, which is the smallest network that one client has.
func household(ip netip.Addr) netip.Addr {
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return ip
}
