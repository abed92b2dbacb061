package kube

import (
	"cmp"
	"context"
	"os"
	"slices"

	"github.com/google/uuid"

	"github.com/dynlb/dynlb/internal/sibling"
)

// newSiblings returns the group of the dynlbs in front of the same pods. The ID of each is its
// identity in the election, so the group can reach the one that scales.
func (f *Fleet) newSiblings() *sibling.Group {
	host, _ := os.Hostname() // the name of the pod
	return sibling.New(sibling.Options{
		App: f.App, ID: cmp.Or(host, manager) + "_" + uuid.NewString(), Registry: f.Registry, Log: f.Log,
		Own: func() (o sibling.Order) {
			o.Target, o.Hold, o.Scales = f.Board.Order()
			return o
		},
		Ordered: f.wakeSteward,
	})
}

// Siblings returns the dynlbs in front of the same pods.
func (f *Fleet) Siblings() *sibling.Group { return f.siblings }

// followSiblings keeps the siblings those that their Service lists, in goroutines that end with
// ctx. It runs in the loop.
func (f *Fleet) followSiblings(ctx context.Context, c *client) {
	service, access := f.settings.Cluster.Siblings, f.settings.Access
	if service == "" {
		f.siblings.Off()
		return
	}
	s := newSource(c, &Cluster{Target: Target{Service: service}}, f.settings.paceOf())
	f.parts.Go(func() { s.run(ctx) })
	f.parts.Go(func() {
		var last string
		for {
			select {
			case <-ctx.Done():
				return
			case <-s.changed:
			}
			all, problem, known := s.picture()
			if problem != last && problem != "" {
				f.Log.Error("siblings have no port", "service", service, "error", problem)
			}
			last = problem
			if known {
				f.siblings.Set(addressesOf(all), access)
			}
		}
	})
}

// addressesOf returns where endpoints are, in order. One that is not ready, or terminates, may
// have requests.
func addressesOf(all map[key]endpoint) (out []string) {
	for _, e := range all {
		out = append(out, e.address().Address)
	}
	slices.Sort(out)
	return out
}
