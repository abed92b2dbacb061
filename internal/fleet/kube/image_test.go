package kube

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/fleet"
)

// withImage returns a rig with n pods of web:v1.
func withImage(t *testing.T, n int) *rig {
	t.Helper()
	r := newRig(t, func(c *cluster, _ *Settings) {
		c.do(func() {
			c.deployments["app"].replicas, c.deployments["app"].image = n, "web:v1"
			c.reconcileLocked(c.deployments["app"])
		})
	})
	r.awaitReady(n)
	return r
}

// expectImages compares the images in force and before, as the cluster, the fleet and the board
// have them.
func (r *rig) expectImages(current, previous string) {
	r.t.Helper()
	if now, before, err := r.Versions(r.t.Context()); now != current || before != previous || err != nil {
		r.t.Errorf("image %q after %q, %v; want %q after %q", now, before, err, current, previous)
	}
	r.await("images on the board", func() bool {
		s := r.Board.Snapshot()
		return s.Version == current && s.PreviousVersion == previous
	})
}

// TestRoll: all pods get the image, and the one before it is kept in the cluster.
func TestRoll(t *testing.T) {
	t.Parallel()
	r := withImage(t, 2)
	r.expectImages("web:v1", "")
	for _, image := range []string{"web:v2", "web:v1"} {
		last := 0
		if err := r.Roll(t.Context(), image, "test", func(n, total int) { last = n*10 + total }); err != nil || last != 22 {
			t.Fatalf("%v, progress %d", err, last)
		}
		r.awaitReady(2)
	}
	r.expectImages("web:v1", "web:v2")
}

// TestRollFromZero: without pods, the image is in force at once.
func TestRollFromZero(t *testing.T) {
	t.Parallel()
	r := withImage(t, 0)
	if err := r.Roll(t.Context(), "web:v2", "test", func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	r.expectImages("web:v2", "web:v1")
}

// TestRollFails: an image whose pods do not become ready is set back, and the old pods stay.
func TestRollFails(t *testing.T) {
	t.Parallel()
	r := withImage(t, 2)
	r.cluster.do(func() { r.app.stuck = "ImagePullBackOff" })
	err := r.Roll(t.Context(), "web:v2", "test", func(int, int) {})
	if err == nil || !strings.Contains(err.Error(), "0 of 2 pods replaced") || !strings.Contains(err.Error(), "ImagePullBackOff") {
		t.Errorf("Roll: %v", err)
	}
	r.expectImages("web:v1", "")
	r.awaitReady(2)
}

// slowRoll begins a rollout that does not end by itself. It returns when the image is set.
func (r *rig) slowRoll(ctx context.Context) chan error {
	r.t.Helper()
	r.cluster.do(func() { r.app.slow = true })
	done := make(chan error, 1)
	go func() { done <- r.Roll(ctx, "web:v2", "test", func(int, int) {}) }() // ends with the fleet
	r.await("image", func() (set bool) {
		r.cluster.do(func() { set = r.app.image == "web:v2" })
		return set
	})
	return done
}

// TestRollTakenBack: when the context of a rollout ends, the image is set back.
func TestRollTakenBack(t *testing.T) {
	t.Parallel()
	r := withImage(t, 2)
	ctx, cancel := context.WithCancelCause(t.Context())
	done := r.slowRoll(ctx)
	s := r.Board.Snapshot()
	if s.Version != "web:v1" {
		t.Errorf("during the rollout %q is in force", s.Version)
	}
	if err := r.Restart(t.Context(), 1, "test", func(int, int) {}); !errors.Is(err, fleet.ErrDeploying) {
		t.Errorf("Restart: %v", err)
	}
	cause := errors.New("an operator")
	cancel(cause)
	if err := <-done; !errors.Is(err, cause) {
		t.Errorf("Roll: %v", err)
	}
	r.expectImages("web:v1", "")
	r.awaitReady(2)
}

// TestRollOverruled: when another client sets an image, that stays.
func TestRollOverruled(t *testing.T) {
	t.Parallel()
	r := withImage(t, 2)
	done := r.slowRoll(t.Context())
	r.cluster.do(func() {
		r.app.image, r.app.slow = "web:v3", false
		r.app.generation++
		r.cluster.reconcileLocked(r.app)
	})
	if err := <-done; err == nil || !strings.Contains(err.Error(), "another client has set the image web:v3") {
		t.Errorf("Roll: %v", err)
	}
	r.expectImages("web:v3", "web:v1")
}

// TestRollStopped: when dynlb stops, the rollout goes on without it.
func TestRollStopped(t *testing.T) {
	t.Parallel()
	r := withImage(t, 1)
	done := r.slowRoll(t.Context())
	r.Stop(t.Context())
	if err := <-done; !errors.Is(err, errStopped) {
		t.Errorf("Roll: %v", err)
	}
	r.cluster.do(func() {
		if r.app.image != "web:v2" {
			t.Errorf("image %s", r.app.image)
		}
	})
}

// TestContainer: of several containers, the one is taken that kubectl takes.
func TestContainer(t *testing.T) {
	t.Parallel()
	const both = `"spec":{"containers":[{"name":"proxy","image":"envoy:1"},{"name":"web","image":"web:v1"}]}`
	for text, want := range map[string]string{
		`{"spec":{"containers":[{"name":"web","image":"web:v1"}]}}`:                                    "web:v1",
		`{"metadata":{"annotations":{"kubectl.kubernetes.io/default-container":"web"}},` + both + `}`:  "web:v1",
		`{"metadata":{"annotations":{"kubectl.kubernetes.io/default-container":"none"}},` + both + `}`: "",
		`{` + both + `}`: "",
	} {
		var d deployment
		if err := json.Unmarshal([]byte(text), &d.Spec.Template); err != nil {
			t.Fatal(err)
		}
		got, err := d.app()
		if got.Image != want || (err == nil) != (want != "") {
			t.Errorf("%s: image %q, %v", text, got.Image, err)
		}
		if err != nil && !strings.Contains(err.Error(), "(proxy, web)") {
			t.Errorf("error %v names no containers", err)
		}
	}
}
