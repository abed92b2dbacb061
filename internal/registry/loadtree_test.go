package registry

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestTreePicksAsComparisonDoes: whatever happens to many instances, the tree gives the one
// that comparing all of them gives, and leaves the cursor where that does.
func TestTreePicksAsComparisonDoes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := &comparison{T: t, random: rand.New(rand.NewPCG(seed, 1)), registry: New(Options{MaxConcurrency: int(seed % 4 * 3), SlowStart: time.Hour * time.Duration(seed%2)})}
			for range treeFrom + c.random.IntN(70) {
				c.ids = append(c.ids, add(t, c.registry, Ready))
			}
			for range 3000 {
				c.step()
				c.compare()
			}
			if c.picks == 0 || c.planted == 0 {
				t.Errorf("%d picks, %d with a tree", c.picks, c.planted)
			}
		})
	}
}

// comparison does what happens to a registry, and compares both ways to pick.
type comparison struct {
	*testing.T
	random   *rand.Rand
	registry *Registry
	ids      []ID
	leases   []Lease

	picks, planted int
}

// step has something happen.
func (c *comparison) step() {
	r, id := c.registry, c.ids[c.random.IntN(len(c.ids))]
	switch c.random.IntN(24) {
	case 0:
		for range c.random.IntN(len(c.ids)) {
			c.acquire()
		}
	case 1:
		for range c.random.IntN(len(c.leases) + 1) {
			c.release()
		}
	case 2:
		c.move(id)
	case 3:
		c.ids = append(c.ids, add(c.T, r, Ready))
	case 4:
		r.Reserve(c.random.IntN(5), 1+c.random.IntN(3))
	case 5:
		r.SetElsewhere(c.random.IntN(2), map[ID]Elsewhere{id: {InFlight: 2, Streams: c.random.IntN(3)}})
	case 6:
		r.Configure(Options{MaxConcurrency: c.random.IntN(4), SlowStart: r.options.SlowStart})
	case 7, 8:
		if n := len(c.leases); n > 0 {
			c.harm(c.leases[c.random.IntN(n)])
		}
	case 9:
		r.mu.Lock()
		if in, err := r.findLocked(id); err == nil {
			in.traffic.slow = int32(c.random.IntN(2) * c.random.IntN(9))
		}
		r.weighAllLocked()
		r.mu.Unlock()
	case 10:
		name := string(rune('a' + c.random.IntN(3)))
		r.NameSelf("b")
		r.UpdateSibling(name, Report{Loads: []SiblingLoad{{ID: id, InFlight: c.random.IntN(3), Streams: c.random.IntN(2), Draining: c.random.IntN(9) == 0}}})
		if c.random.IntN(20) == 0 {
			r.ForgetSibling(name)
		}
	case 11, 12:
		c.release()
	default:
		c.acquire()
	}
}

// harm has a claim end badly, or become a stream.
func (c *comparison) harm(l Lease) {
	switch c.random.IntN(4) {
	case 0:
		l.Failed("test")
	case 1:
		l.Responded(time.Duration(c.random.IntN(100))*time.Millisecond, 200+c.random.IntN(2)*300)
	case 2:
		l.Unreachable("test")
	default:
		l.Stream()
	}
}

// move moves an instance to a state that it may have next.
func (c *comparison) move(id ID) {
	for range 5 {
		next := Ready + State(c.random.IntN(4))
		if c.registry.Transition(id, next, "test") != nil {
			continue
		}
		if next == Stopped {
			c.ids = slices.DeleteFunc(c.ids, func(x ID) bool { return x == id })
		}
		return
	}
}

func (c *comparison) acquire() {
	if lease, err := c.registry.Try(Preference{}); err != nil {
		c.Fatal(err)
	} else if lease.Valid() {
		c.leases = append(c.leases, lease)
	}
}

func (c *comparison) release() {
	if n := len(c.leases); n > 0 {
		i := c.random.IntN(n)
		c.leases[i].Release()
		c.leases = slices.Delete(c.leases, i, i+1)
	}
}

// compare picks in both ways, also with an instance that is left out.
func (c *comparison) compare() {
	r := c.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	var except *instance
	if c.random.IntN(3) == 0 && len(r.instances) > 0 {
		except = r.instances[c.random.IntN(len(r.instances))]
	}
	cursor := r.cursor
	want := r.leastLoadedLocked(r.candidates, except)
	after := r.cursor
	r.cursor = cursor
	got := r.pickLocked(&Preference{}, except)
	if got != want || r.cursor != after {
		c.Fatalf("picked %v, want %v; cursor %d, want %d; %d candidates", got, want, r.cursor, after, len(r.candidates))
	}
	r.cursor = cursor
	c.picks++
	if r.tree.first > 0 {
		c.planted++
	}
}
