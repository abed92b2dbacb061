package policy

import (
	"sync"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
)

// prove has an instance rest quietly until it is proven.
func prove(t *testing.T, tidy *Tidiness) {
	t.Helper()
	for range provenAfter {
		if got := tidy.After(true); got != Rest {
			t.Fatalf("unproven: %d, want Rest", got)
		}
		tidy.Rested(true)
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
	tidy.Rested(false) // a rest that was cut short proves nothing
	prove(t, &tidy)
	for _, c := range []struct {
		content bool
		want    Reuse
	}{{true, Now}, {false, Rest}} {
		if got := tidy.After(c.content); got != c.want {
			t.Errorf("proven, content %v: %d, want %d", c.content, got, c.want)
		}
	}
	tidy.Rested(true)
	if tidy.Ask(true) || !tidy.Ask(false) {
		t.Error("a proven instance is asked before an idempotent request, or not before another")
	}
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
	tidy.Rested(true)
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
	tidy.Rested(false)
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
