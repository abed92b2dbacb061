package policy

import (
	"log/slog"
	"sync"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
)

// refusalInterval is the minimum time between two log lines about refused requests of
// the same status: anyone can cause them.
const refusalInterval = time.Second

// Refusals logs requests that were refused before they were forwarded. The zero value is
// ready. It is safe for concurrent use.
type Refusals struct {
	mu   sync.Mutex       // guards all below
	kind map[int]*refusal // by status
}

// refusal is what is known of the refusals of one status.
type refusal struct {
	last     time.Time // of the last line
	unlogged int       // since then
}

// Log logs a refused request of a client, at most one a second for each status. The line
// has the number of those that were not logged since the last one.
func (r *Refusals) Log(log *slog.Logger, e *http1.Error, client string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kind == nil {
		r.kind = make(map[int]*refusal)
	}
	k := r.kind[e.Status]
	if k == nil {
		k = new(refusal)
		r.kind[e.Status] = k
	}
	now := time.Now()
	if !k.last.IsZero() && now.Sub(k.last) < refusalInterval {
		k.unlogged++
		return
	}
	log.Info("request refused", "code", e.Status, "reason", e.Reason, "client", client, "unlogged", k.unlogged)
	*k = refusal{last: now}
}
