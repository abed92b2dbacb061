package main

import (
	"runtime"
	"testing"
)

func TestParseRollup(t *testing.T) {
	text := "00400000-7fff0000 ---p 00000000 00:00 0    [rollup]\nRss:    1636 kB\nPss_Anon:      112 kB\nPss_File: 120 kB\nPss_Shmem:  8 kB\n"
	if got, err := parseRollup(text); err != nil || got != 120<<10 {
		t.Errorf("got %d, %v; want 120 KiB", got, err)
	}
	for _, bad := range []string{"", "Pss_Anon: 1 kB\n", "Pss_Anon: x kB\nPss_Shmem: 1 kB\n"} {
		if got, err := parseRollup(bad); err == nil {
			t.Errorf("%q: got %d, want an error", bad, got)
		}
	}
}

func TestTailCountsCollections(t *testing.T) {
	var tail tail
	for _, piece := range []string{"gc 1 @0.1s\n", "g", "c 2", " @0.2s\nno gc here\ngcc is a compiler\n", "gc "} {
		_, _ = tail.Write([]byte(piece))
	}
	if got := tail.collected(); got != 3 {
		t.Errorf("got %d, want 3", got)
	}
}

// TestMeasureMemory holds connections to a real peer, few of them.
func TestMeasureMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	if runtime.GOOS != "linux" {
		t.Skip("the benchmark runs on Linux only")
	}
	runtime.LockOSThread() // see main
	defer runtime.UnlockOSThread()
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	w, _ := findWorkload("tunnels")
	w.connections = 50
	m, err := measureMemory(t.Context(), settings{}, "bare", w)
	if err != nil {
		t.Fatal(err)
	}
	if m.Before == 0 || m.After <= m.Before || m.Open != 50 || m.Collections == 0 {
		t.Errorf("implausible: %+v", m)
	}
}
