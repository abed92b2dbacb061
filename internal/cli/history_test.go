package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// TestHistoryOfNothing: a table without a line is explained on stderr, and no other is.
func TestHistoryOfNothing(t *testing.T) {
	t.Parallel()
	for _, points := range [][]*dynlbv1.HistoryPoint{nil, {{Time: timestamppb.Now()}}} {
		cmd := new(cobra.Command)
		var stdout, stderr bytes.Buffer
		cmd.SetOut(&stdout)
		cmd.SetErr(&stderr)
		if err := printHistory(cmd, &dynlbv1.GetHistoryResponse{Step: durationpb.New(2 * time.Minute), Points: points}); err != nil {
			t.Fatal(err)
		}
		want := "there are no figures of this time yet, in steps of 2m0s: 'dynlb history --since 1m --step 1s' shows the last ones\n"
		if points != nil {
			want = ""
		}
		if got := stderr.String(); got != want || strings.Count(stdout.String(), "\n") != 1+len(points) {
			t.Errorf("%d points: %q, want %q; %s", len(points), got, want, &stdout)
		}
	}
}
