package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// newInjector returns an injector for a dynlb whose admin HTTP is answer.
func newInjector(t *testing.T, answer http.HandlerFunc) *injector {
	t.Helper()
	a := newAdmin("dynlb", "first")
	a.http.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		answer(w, r)
		return w.Result(), nil
	})
	return &injector{admin: a, config: &configFile{path: filepath.Join(t.TempDir(), "config.yaml")}, windows: new(windows)}
}

// roundTrip is a function as a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// pool writes a status.
func pool(w io.Writer, limit int32, reloading bool, failure string) {
	fmt.Fprintf(w, `{"pool": {"maxInstances": %d, "configReloading": %t, "configError": %q}}`, limit, reloading, failure)
}

// TestReloadIsFollowed checks what counts as a reload that dynlb handled wrongly: on a busy
// machine it may take long, be given up because its new instance was struck, or be followed by
// another one.
func TestReloadIsFollowed(t *testing.T) {
	t.Parallel()
	const rejected = "0 of 2 instances replaced, the others stay; the new one: signal: killed"
	for name, c := range map[string]struct {
		does func(w io.Writer, since time.Duration, before, next int32)
		// struck: an instance is meanwhile; again: another config is written.
		struck, again        bool
		trouble              string
		superseded, rejected int
	}{
		"in force at once": {does: func(w io.Writer, _ time.Duration, _, next int32) { pool(w, next, false, "") }},
		"in force after a minute": {does: func(w io.Writer, since time.Duration, before, next int32) {
			if since > time.Minute {
				before = next
			}
			pool(w, before, since < time.Minute, "")
		}},
		"never in force":              {does: func(w io.Writer, _ time.Duration, before, _ int32) { pool(w, before, false, "") }, trouble: "maxInstances is 6, want 7"},
		"given up without a reason":   {does: func(w io.Writer, _ time.Duration, before, _ int32) { pool(w, before, false, rejected) }, trouble: "want 7: " + rejected},
		"given up for its instance":   {does: func(w io.Writer, _ time.Duration, before, _ int32) { pool(w, before, false, rejected) }, struck: true, rejected: 1},
		"followed by another":         {does: func(w io.Writer, _ time.Duration, before, _ int32) { pool(w, before, true, "") }, again: true, superseded: 1},
		"invalid, although it is not": {does: func(w io.Writer, _ time.Duration, before, _ int32) { pool(w, before, false, "unknown key") }, struck: true, trouble: "unknown key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				i := newInjector(t, func(w http.ResponseWriter, _ *http.Request) { c.does(w, time.Since(began), 6, 7) })
				if c.struck {
					i.windows.open(1, began)
				}
				if err := i.inject(t.Context(), fault{kind: reload}); err != nil {
					t.Fatal(err)
				}
				if c.again {
					i.mu.Lock()
					i.written++
					i.mu.Unlock()
				}
				i.waiting.Wait()
				if got := strings.Join(i.done.troubles, "; "); !strings.Contains(got, c.trouble) || c.trouble == "" && got != "" {
					t.Errorf("troubles %q, want %q", got, c.trouble)
				}
				if i.done.superseded != c.superseded || i.done.rejected != c.rejected {
					t.Errorf("%d superseded and %d rejected, want %d and %d", i.done.superseded, i.done.rejected, c.superseded, c.rejected)
				}
			})
		})
	}
}

// TestInvalidConfigIsFollowed checks that an invalid config must change nothing, and that a
// valid one before it may still come into force.
func TestInvalidConfigIsFollowed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after int32
		fails bool
	}{"nothing": {6, false}, "the one before it": {7, false}, "another": {5, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int32
				i := newInjector(t, func(w http.ResponseWriter, _ *http.Request) {
					if asked.Add(1) == 1 {
						pool(w, 6, false, "")
						return
					}
					pool(w, c.after, false, "")
				})
				i.config.max = 7
				if err := i.inject(t.Context(), fault{kind: invalid}); (err != nil) != c.fails {
					t.Error(err)
				}
			})
		})
	}
}

// TestRestartEndsEarly checks which ends of a rolling restart are no mistake of dynlb.
func TestRestartEndsEarly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		`{"result":{"replaced":0,"total":2}}` + "\n" + `{"error":{"code":10,"message":"restart instances: superseded by another config change"}}`: errSuperseded,
		`{"error":{"message":"1 of 2 instances replaced, the others stay; the new one: killed"}}`:                                                 errAborted,
		`{"error":{"message":"a restart is under way"}}`:                                                                                          errBusy,
	} {
		i := newInjector(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
		if err := i.admin.restart(t.Context()); err != want { //nolint:errorlint // it is the very value
			t.Errorf("%s: got %v, want %v", text, err, want)
		}
	}
}
