package outcome_test

import (
	"testing"

	"github.com/dynlb/dynlb/proxy/outcome"
)

func TestSourceString(t *testing.T) {
	t.Parallel()
	for source, want := range map[outcome.Source]string{
		outcome.None: "none", outcome.Client: "client", outcome.Dynlb: "dynlb", outcome.Instance: "instance", 9: "unknown",
	} {
		if got := source.String(); got != want {
			t.Errorf("source %d is %q, want %q", source, got, want)
		}
	}
}
