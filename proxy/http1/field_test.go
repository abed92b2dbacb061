package http1_test

import (
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

func TestIDOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]http1.FieldID{
		"": http1.FieldOther, "Content-LENGTH": http1.FieldContentLength, "te": http1.FieldTE, "x-sum": http1.FieldOther,
	} {
		if got := http1.IDOf([]byte(name)); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
