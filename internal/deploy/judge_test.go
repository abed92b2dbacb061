package deploy

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// traffic is what requests to a version show.
type traffic struct {
	n        int
	failures int // the first ones of n
	took     func(i int) time.Duration
}

// sample returns the traffic of a staged version and of another one as the registry sees
// it.
func sample(t *testing.T, staged, others traffic) (s, o registry.Sample) {
	t.Helper()
	r := registry.New(registry.Options{})
	for _, isStaged := range []bool{false, true} {
		if err := r.Transition(r.Add(registry.Spec{Staged: isStaged}), registry.Ready, "test"); err != nil {
			t.Fatal(err)
		}
	}
	for share, tr := range []traffic{others, staged} {
		r.SetShare(float64(share))
		for i := range tr.n {
			lease, err := r.Try(registry.Preference{})
			if err != nil || !lease.Valid() {
				t.Fatal("no instance: ", err)
			}
			if i < tr.failures {
				lease.Responded(time.Millisecond, 500)
			} else {
				lease.Responded(tr.took(i), 200)
			}
			lease.Release()
		}
		s, o = take(r, s, o)
	}
	return s, o
}

// take returns the samples that are not empty.
func take(r *registry.Registry, s, o registry.Sample) (registry.Sample, registry.Sample) {
	staged, others := r.Split()
	if staged.Requests > 0 {
		s = staged
	}
	if others.Requests > 0 {
		o = others
	}
	return s, o
}

// constant responses take the same time.
func constant(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

// tail responses take 10 ms, and one of n takes a second.
func tail(n int) func(int) time.Duration {
	return func(i int) time.Duration {
		if i%n == 0 {
			return time.Second
		}
		return 10 * time.Millisecond
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	fast := constant(10 * time.Millisecond)
	for _, c := range []struct {
		name           string
		staged, others traffic
		worse          string // part of the reason; "" if it is not worse
	}{
		{"no requests", traffic{}, traffic{}, ""},
		{"the same", traffic{100, 0, fast}, traffic{900, 0, fast}, ""},
		{"a few failures", traffic{1000, 10, fast}, traffic{9000, 0, fast}, ""},
		{"the first requests fail", traffic{5, 5, fast}, traffic{45, 0, fast}, "5 of 5 requests failed, against 0 of 45"},
		{"four failures", traffic{4, 4, fast}, traffic{36, 0, fast}, ""},
		{"a tenth fails", traffic{100, 10, fast}, traffic{900, 0, fast}, "10 of 100 requests failed"},
		{"both fail as often", traffic{100, 10, fast}, traffic{900, 90, fast}, ""},
		{"twice as many are allowed", traffic{100, 20, fast}, traffic{900, 90, fast}, ""},
		{"five times as many fail", traffic{100, 50, fast}, traffic{900, 90, fast}, "more than 2 times the rate"},
		{"all is down", traffic{20, 20, fast}, traffic{180, 180, fast}, ""},
		{"slower", traffic{100, 0, constant(30 * time.Millisecond)}, traffic{900, 0, fast}, "median of 100 responses"},
		{"slower, too few to tell", traffic{49, 0, constant(time.Second)}, traffic{900, 0, fast}, ""},
		{"slower by less than the factor", traffic{100, 0, constant(16 * time.Millisecond)}, traffic{900, 0, fast}, ""},
		{"slower by less than counts", traffic{100, 0, constant(3 * time.Millisecond)}, traffic{900, 0, constant(100 * time.Microsecond)}, ""},
		{"a slow fifth", traffic{100, 0, tail(5)}, traffic{900, 0, fast}, "p95 of 100 responses"},
		{"the same slow fifth", traffic{100, 0, tail(5)}, traffic{900, 0, tail(5)}, ""},
		{"faster", traffic{100, 0, constant(time.Millisecond)}, traffic{900, 0, fast}, ""},
	} {
		staged, others := sample(t, c.staged, c.others)
		got := judge(&staged, &others, 2, 50)
		if c.worse == "" && got != "" || !strings.Contains(got, c.worse) {
			t.Errorf("%s: %q, want %q", c.name, got, c.worse)
		}
	}
}

// TestJudgeIsNotFooled: two versions that are the same, with response times of a long tail,
// pass at every one of many looks.
func TestJudgeIsNotFooled(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	slow := func(int) time.Duration {
		return time.Duration(float64(20*time.Millisecond) * random.ExpFloat64() * random.ExpFloat64())
	}
	for range 20 {
		for n := 50; n <= 400; n *= 2 {
			staged, others := sample(t, traffic{n, 0, slow}, traffic{9 * n, 0, slow})
			if worse := judge(&staged, &others, 2, 50); worse != "" {
				t.Fatalf("%d requests: %s", n, worse)
			}
		}
	}
}

// TestTooFewNamesFlags: the texts about too few requests name what changes that.
func TestTooFewNamesFlags(t *testing.T) {
	t.Parallel()
	none, some := sample(t, traffic{}, traffic{400, 0, constant(time.Millisecond)})
	for _, text := range []string{enough(&none, &some, 50), outlook(&none, &some, &canary, canary.For/2)} {
		for _, flag := range []string{"--for", "--canary", "--min-requests"} {
			if !strings.Contains(text, "("+flag+")") {
				t.Errorf("%q does not name %s", text, flag)
			}
		}
	}
}

func TestEnough(t *testing.T) {
	t.Parallel()
	fast := constant(time.Millisecond)
	staged, others := sample(t, traffic{49, 0, fast}, traffic{400, 0, fast})
	if why := enough(&staged, &others, 50); !strings.Contains(why, "49 requests to the new version and 400") {
		t.Errorf("%q", why)
	}
	if why := enough(&staged, &others, 49); why != "" {
		t.Errorf("%q, want nothing", why)
	}
}
