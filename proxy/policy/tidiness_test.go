package policy

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// prove has an instance rest quietly until it is proven.
func prove(t *testing.T, tidy *Tidiness) {
	t.Helper()
	for range provenAfter {
		if got := tidy.After(true); got != Rest {
			t.Fatalf("unproven: %d, want Rest", got)
		}
		tidy.Rested(true, true)
	}
}

func TestTidinessProof(t *testing.T) {
	t.Parallel()
	var tidy Tidiness
	if !tidy.Ask(true) || !tidy.Reusable() {
		t.Error("an unproven instance is trusted, or not reusable")
	}
	if tidy.After(true) != Rest {
		t.Error("an unproven instance does not rest")
	}
	tidy.Rested(true, false) // a rest that was cut short proves nothing
	prove(t, &tidy)
	for _, c := range []struct {
		content bool
		want    Reuse
	}{{true, Now}, {false, Rest}} {
		if got := tidy.After(c.content); got != c.want {
			t.Errorf("proven, content %v: %d, want %d", c.content, got, c.want)
		}
	}
	tidy.Rested(true, true)
	if tidy.Ask(true) || !tidy.Ask(false) {
		t.Error("a proven instance is asked before an idempotent request, or not before another")
	}
}

// TestTidinessBare: after a response that cannot have content, connections are not
// reused before rests at different times have proven that nothing follows.
func TestTidinessBare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var tidy Tidiness
		prove(t, &tidy)
		rest := func() bool {
			if got := tidy.After(false); got != Rest {
				t.Fatalf("got %d, want Rest", got)
			}
			return tidy.Rested(false, true)
		}
		for range 2 * provenAfter { // all while the instance is held up
			if rest() {
				t.Fatal("a connection is reused without proof")
			}
		}
		for range provenAfter - 1 {
			time.Sleep(Settle)
			if rest() {
				t.Fatal("a connection is reused too early")
			}
		}
		for range 2 {
			if !rest() {
				t.Error("a connection is not reused after the proof")
			}
		}
		if tidy.After(false) != Rest || tidy.Rested(false, false) {
			t.Error("a connection with bytes is reused")
		}
		tidy.Stray()
		if tidy.Rested(false, true) || tidy.After(false) != Close {
			t.Error("a connection is reused after stray bytes")
		}
	})
}

func TestTidinessStray(t *testing.T) {
	t.Parallel()
	var tidy Tidiness
	prove(t, &tidy)
	if tidy.After(false) != Rest {
		t.Fatal("HEAD does not rest")
	}
	if !tidy.Stray() || tidy.Stray() {
		t.Error("the first stray bytes are not told apart")
	}
	tidy.Rested(true, true)
	for range 2 * provenAfter {
		if tidy.After(true) != Close || tidy.Reusable() || !tidy.Ask(true) {
			t.Fatal("an instance that sent stray bytes is trusted")
		}
	}
}

func TestTidinessAside(t *testing.T) {
	t.Parallel()
	var tidy Tidiness
	for range maxAside {
		if tidy.After(true) != Rest {
			t.Fatal("does not rest")
		}
	}
	if tidy.After(true) != Close {
		t.Error("more connections rest than may")
	}
	tidy.Rested(true, false)
	if tidy.After(true) != Rest {
		t.Error("a place was not given back")
	}
}

func TestConduct(t *testing.T) {
	t.Parallel()
	var c Conduct
	prove(t, c.Of(registry.Endpoint{Address: "a"}))
	if c.Of(registry.Endpoint{Address: "a"}).After(true) != Now || c.Of(registry.Endpoint{Address: "b"}).After(true) != Rest {
		t.Error("instances are not told apart")
	}
	old := c.Of(registry.Endpoint{Address: "a"})
	c.Drop(registry.Endpoint{Address: "a"})
	if c.Of(registry.Endpoint{Address: "a"}) == old || c.Of(registry.Endpoint{Address: "a"}).After(true) != Rest {
		t.Error("an instance that left is remembered")
	}
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() { c.Of(registry.Endpoint{Address: "c"}).After(false); c.Drop(registry.Endpoint{Address: "c"}) })
	}
	calls.Wait()
}
