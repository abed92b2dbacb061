package policy

import (
	"log/slog"
	"sync"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
)

// violationInterval is the minimum time between two log lines about refused requests of
// the same status: anyone can cause them.
const violationInterval = time.Second

// Violations logs requests that are refused because they violate the protocol. The zero value is
// ready. It is safe for concurrent use.
type Violations struct {
	mu   sync.Mutex         // guards all below
	kind map[int]*violation // by status
}

// violation is what is known of the violations of one status.
type violation struct {
	last     time.Time // of the last line
	unlogged int       // since then
}

// Log logs a refused request of a client, at most one a second for each status. The line
// has the number of those that were not logged since the last one.
func (v *Violations) Log(log *slog.Logger, e *http1.Error, client string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.kind == nil {
		v.kind = make(map[int]*violation)
	}
	k := v.kind[e.Status]
	if k == nil {
		k = new(violation)
		v.kind[e.Status] = k
	}
	now := time.Now()
	if !k.last.IsZero() && now.Sub(k.last) < violationInterval {
		k.unlogged++
		return
	}
	log.Info("request refused", "code", e.Status, "reason", e.Reason, "client", client, "unlogged", k.unlogged)
	*k = violation{last: now}
}
