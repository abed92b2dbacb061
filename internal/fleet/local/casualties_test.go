package local

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestCasualties: the last exit and the reason of the replacement name the requests of
// an instance that ended by itself, and not those of one that was killed.
func TestCasualties(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		requests []string
		exit     string
		want     string
		begun    bool // they had begun to get a response
	}{
		"one":             {[]string{"/a"}, "exit status 3", "exit status 3 while it worked on GET /a: last words", false},
		"two":             {[]string{"/a", "/b"}, "exit status 3", "exit status 3 while it had 2 requests (GET /a, GET /b): last words", false},
		"six":             {[]string{"/a", "/b", "/c", "/d", "/e", "/f"}, "exit status 3", "exit status 3 while it had 6 requests (GET /a, GET /b, GET /c, GET /d and 2 more): last words", false},
		"in its response": {[]string{"/a"}, "exit status 3", "exit status 3 while it worked on GET /a: last words", true},
		"none":            {nil, "exit status 3", "exit status 3: last words", false},
		"killed":          {[]string{"/a"}, "signal: killed", "signal: killed", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withFleet(t, nil, func(t *testing.T, r *rig) {
				r.Scale(1, "test")
				r.after(time.Second)
				var leases []registry.Lease
				for i, path := range c.requests {
					lease := r.acquire()
					leases = append(leases, lease)
					if c.begun {
						lease.Responded(0, 200)
					}
					time.AfterFunc(time.Duration(5+i)*time.Millisecond, func() { lease.Broke("GET", path) }) // after the fleet knows
				}
				r.all()[0].die(c.exit, "last words")
				r.after(time.Second)
				if got := r.board.Snapshot().LastExit.Reason; got != c.want {
					t.Errorf("last exit %q, want %q", got, c.want)
				}
				for _, lease := range leases {
					lease.Release()
				}
				r.want("1 ready")
			})
		})
	}
}
