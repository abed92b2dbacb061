package simulate

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestReadLoad: what was written is read.
func TestReadLoad(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	if err := WriteHeader(&file); err != nil {
		t.Fatal(err)
	}
	for _, s := range []Second{{30, 2, 40 * ms}, {0, 0, 0}, {10, 1, 80 * ms}} {
		if err := s.Write(&file); err != nil {
			t.Fatal(err)
		}
	}
	load, service, err := ReadLoad(&file)
	want := []Phase{{Rate: 30, For: second}, {Rate: 0, For: second}, {Rate: 10, For: second}}
	if err != nil || service != 50*time.Millisecond || !slices.Equal(load, want) {
		t.Errorf("%v, %v, %v", load, service, err)
	}
	for _, bad := range []string{"", "# only\n", "1 2\n", "1 2 x\n", "-1 2 3\n", "1 2 NaN\n", "99999999999 2 3\n"} {
		if _, _, err := ReadLoad(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestParseRates(t *testing.T) {
	t.Parallel()
	load, err := ParseRates("25x10s, 0.5x1m")
	if want := []Phase{{Rate: 25, For: 10 * second}, {Rate: .5, For: time.Minute}}; err != nil || !slices.Equal(load, want) {
		t.Errorf("%v, %v", load, err)
	}
	for _, bad := range []string{"", "25", "x10s", "25x", "-1x1s", "1x-1s", "NaNx1s", "Infx1s", "1x1s,", "1e9x10h"} {
		if _, err := ParseRates(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
