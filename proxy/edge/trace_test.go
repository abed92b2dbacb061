package edge

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/outcome"
)

const (
	parentTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	parentSpan  = "00f067aa0ba902b7"
)

// TestReadTraceParent checks which fields are valid (W3C Trace Context, 3.2).
func TestReadTraceParent(t *testing.T) {
	t.Parallel()
	const good = "00-" + parentTrace + "-" + parentSpan + "-"
	for field, want := range map[string]struct{ asked, ok bool }{
		good + "01":                 {true, true},
		good + "00":                 {false, true},
		good + "03":                 {true, true},
		"01" + good[2:] + "01":      {true, true},
		"01" + good[2:] + "01-what": {true, true},
		good + "01-what":            {},
		good + "0g":                 {},
		good + "1":                  {},
		"ff" + good[2:] + "01":      {},
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-" + parentSpan + "-01": {},
		"00-00000000000000000000000000000000-" + parentSpan + "-01": {},
		"00-" + parentTrace + "-0000000000000000-01":                {},
		"": {},
	} {
		var trace outcome.Trace
		asked, ok := readTraceParent([]byte(field), &trace)
		if ok != want.ok || ok && asked != want.asked {
			t.Errorf("%q: asked %v, valid %v; want %+v", field, asked, ok, want)
		}
	}
}

// TestSampler checks the fraction, and that clients can force no more than their rate.
func TestSampler(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	s := NewSampler(0, 3)
	s.now = func() time.Time { return now }
	forced := func() (n int) {
		for range 100 {
			if s.sample(true) {
				n++
			}
		}
		return n
	}
	for range 3 {
		if n := forced(); n != 3 {
			t.Errorf("%d traces were forced in a second, want 3", n)
		}
		now = now.Add(time.Second)
	}
	if s.sample(false) {
		t.Error("a fraction of 0 traced a request")
	}
	if all := NewSampler(1, 0); !all.sample(false) {
		t.Error("a fraction of 1 did not trace a request")
	}
	n, tenth := 0, NewSampler(0.1, 0)
	for range 10000 {
		if tenth.sample(true) {
			n++
		}
	}
	if n < 700 || n > 1300 { // ten standard deviations
		t.Errorf("%d of 10000 were traced, want a tenth", n)
	}
}
