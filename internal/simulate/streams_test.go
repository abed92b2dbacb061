package simulate

import "testing"

// TestStreams: streams that do nothing do not raise the target, keep no instance from
// others, and spread evenly.
func TestStreams(t *testing.T) {
	t.Parallel()
	capped := auto
	capped.MaxConcurrency = 4
	for name, options := range map[string]struct {
		low int
		r   Scenario
	}{
		"auto":   {1, Scenario{Registry: auto}},
		"capped": {2, Scenario{Registry: capped}},
	} {
		s := options.r
		s.App, s.Scaling = App{Boot: 30 * ms, Service: 50 * ms}, scaling(options.low, 8)
		s.Load = []Phase{{For: second}, {Streams: 60, Rate: 2, For: 120 * second}}
		r := Run(s)
		if n := r.largest(); n != options.low {
			t.Errorf("%s: %d instances for streams that do nothing", name, n)
			r.log(t)
		}
		times, failed := r.took(0, 121*second)
		if p := quantile(times, 1); failed > 0 || len(times) == 0 || p > 60*ms {
			t.Errorf("%s: %d of %d other requests failed, one took %v", name, failed, len(times), p)
		}
	}
}
