package daemon

import (
	"context"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestSignalsWithinTheWindowAreOne sends signals at given times, and notes which of them
// count, and when a further one would have its default effect.
func TestSignalsWithinTheWindowAreOne(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, c := range []struct {
		name string
		sent []time.Duration
		want []time.Duration // the first, the second, the end
	}{
		{"twice at once", []time.Duration{0, 0}, []time.Duration{0}},
		{"a burst", []time.Duration{0, 100 * ms, 200 * ms, 499 * ms}, []time.Duration{0}},
		{"a second press", []time.Duration{0, 501 * ms}, []time.Duration{0, 501 * ms, 1001 * ms}},
		{"both doubled", []time.Duration{0, 0, 600 * ms, 600 * ms, 1099 * ms}, []time.Duration{0, 600 * ms, 1100 * ms}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				ctx, cancel := context.WithCancel(t.Context())
				signals := make(chan os.Signal, 2)
				var got []time.Duration
				note := func(os.Signal) { got = append(got, time.Since(begun)) }
				go func() {
					watchSignals(ctx, signals, func() bool { return false }, note, note)
					if ctx.Err() == nil {
						note(nil)
					}
				}()
				for _, at := range c.sent {
					time.Sleep(at - time.Since(begun))
					signals <- syscall.SIGTERM
					synctest.Wait()
				}
				time.Sleep(time.Minute)
				cancel()
				synctest.Wait()
				if !slices.Equal(got, c.want) {
					t.Errorf("signals counted at %v, want %v", got, c.want)
				}
			})
		})
	}
}
