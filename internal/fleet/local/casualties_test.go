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
		ended    bool // the ends of their connections were those of their responses
		output   string
	}{
		"an error":        {[]string{"/a"}, "exit status 1", "exit status 1 while it worked on GET /a: TypeError: boom", false, false, "TypeError: boom"},
		"answered, error": {[]string{"/a"}, "exit status 1", "exit status 1 right after the response to GET /a, which may not be whole: panic: boom", true, true, "panic: boom"},
		"like a request":  {[]string{"/a"}, "exit status 3", "exit status 3 while it worked on GET /a; it printed last \"GET /a: 200\"", false, false, "GET /a: 200"},
		"one":             {[]string{"/a"}, "exit status 3", "exit status 3 while it worked on GET /a; it printed last \"last words\"", false, false, "last words"},
		"two":             {[]string{"/a", "/b"}, "exit status 3", "exit status 3 while it had 2 requests (GET /a, GET /b); it printed last \"last words\"", false, false, "last words"},
		"six":             {[]string{"/a", "/b", "/c", "/d", "/e", "/f"}, "exit status 3", "exit status 3 while it had 6 requests (GET /a, GET /b, GET /c, GET /d and 2 more); it printed last \"last words\"", false, false, "last words"},
		"in its response": {[]string{"/a"}, "exit status 3", "exit status 3 while it worked on GET /a; it printed last \"last words\"", true, false, "last words"},
		"answered":        {[]string{"/a"}, "exit status 3", "exit status 3 right after the response to GET /a, which may not be whole; it printed last \"last words\"", true, true, "last words"},
		"none":            {nil, "exit status 3", "exit status 3: last words", false, false, "last words"},
		"killed":          {[]string{"/a"}, "signal: killed", "signal: killed", false, false, "last words"},
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
					noticed := func() { lease.Broke("GET", path) }
					if c.ended {
						noticed = func() {
							lease.AnsweredByEnd("GET", path)
							lease.Release()
						}
					}
					time.AfterFunc(time.Duration(5+i)*time.Millisecond, noticed) // after the fleet knows
				}
				r.all()[0].die(c.exit, c.output)
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
