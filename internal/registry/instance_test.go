package registry

import (
	"errors"
	"testing"
)

func TestSetEndpointAndHandle(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	id := add(t, r, Ready)
	if err := r.SetEndpoint(id, TCP("::1", 5001)); err != nil {
		t.Fatal(err)
	}
	if got, want := acquire(t, r).Endpoint(), TCP("::1", 5001); got != want {
		t.Errorf("endpoint %v, want %v", got, want)
	}
	if err := r.SetHandle(id, "pid 4711"); err != nil {
		t.Fatal(err)
	}
	if got := snapshotOf(t, r, id).Handle; got != "pid 4711" {
		t.Errorf("handle %q", got)
	}
	if err := r.SetHandle("unknown", ""); !errors.Is(err, ErrUnknownInstance) {
		t.Errorf("unknown instance: %v", err)
	}
}
