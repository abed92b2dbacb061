package cli

import (
	"context"
	"strings"
	"testing"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestWatchLines: piped, watch prints a line for each event and each change.
func TestWatchLines(t *testing.T) {
	t.Parallel()
	for output, want := range map[string][]string{
		"":     {"2 ready of 2 wanted", " scaled: order from ", "starting ", "ready ", "3 ready of 3 wanted"},
		"json": {`"target":2`, `"EVENT_TYPE_SCALED"`, `"target":3`},
	} {
		t.Run("output "+output, func(t *testing.T) {
			r := daemontest.Start(t, "")
			r.AwaitReady(2)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var out daemontest.Buffer
			args := []string{"watch", "--admin", r.Admin, "--interval", "10ms"}
			if output != "" {
				args = append(args, "-o", output)
			}
			done := make(chan int, 1)
			go func() { done <- Run(ctx, args, &out, &out, testVersion) }()
			daemontest.Eventually(t, want[0], func() bool { return strings.Contains(out.String(), want[0]) })
			three := int32(3)
			if _, err := r.Client.ScaleTo(ctx, &dynlbv1.ScaleToRequest{Target: &three}); err != nil {
				t.Fatal(err)
			}
			for _, text := range want {
				daemontest.Eventually(t, text, func() bool { return strings.Contains(out.String(), text) })
			}
			cancel()
			if code := <-done; code != exitDone {
				t.Errorf("exit code %d\n%s", code, out.String())
			}
		})
	}
}
