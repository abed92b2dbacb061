package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// window is a sample of 1,000 requests in a second.
func window(peer string, round int, cpu, p99 time.Duration) sample {
	return sample{Workload: "GET 64 B", Peer: peer, Round: round, loadResult: loadResult{
		Requests: 1000, Elapsed: time.Second, PeerCPU: 1000 * cpu, P50: p99 / 2, P99: p99,
	}}
}

func testReport() report {
	const us = time.Microsecond
	return newReport(
		settings{Rounds: 3, Duration: time.Second, Connections: 64, Peers: []string{"direct", "dynlb", "bare"}},
		findings{versions: map[string]string{"bare": "go1", "dynlb": "v0"}, samples: []sample{
			// The machine slows down twofold, then fourfold: the ratios must not.
			window("bare", 1, 50*us, 1000*us), window("dynlb", 1, 55*us, 1000*us), window("direct", 1, 0, 100*us),
			window("bare", 2, 100*us, 2000*us), window("dynlb", 2, 120*us, 2400*us), window("direct", 2, 0, 200*us),
			window("bare", 3, 200*us, 4000*us), window("dynlb", 3, 200*us, 8000*us), window("direct", 3, 0, 400*us),
		}})
}

func TestRatiosArePerRound(t *testing.T) {
	rep := testReport()
	dynlb := rep.Rows[1]
	if dynlb.Peer != "dynlb" {
		t.Fatalf("row 1 is %s, want the peers in the order asked for", dynlb.Peer)
	}
	if want := (spread{Median: 120, Min: 55, Max: 200}); dynlb.CPU != want {
		t.Errorf("CPU: got %+v, want %+v", dynlb.CPU, want)
	}
	if want := (spread{Median: 1000, Min: 1000, Max: 1000}); dynlb.PerSecond != want {
		t.Errorf("requests per second: got %+v, want %+v", dynlb.PerSecond, want)
	}
	if got := dynlb.Against["bare"].CPU.String(); got != "1.10 (1.00–1.20)" {
		t.Errorf("CPU against bare: got %s", got)
	}
	if got := dynlb.Against["bare"].P99.String(); got != "1.20 (1.00–2.00)" {
		t.Errorf("p99 against bare: got %s", got)
	}
	if _, ok := dynlb.Against["nginx"]; ok {
		t.Error("against nginx, which took no part")
	}
}

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		sorted []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{1, 2}, 1.5}, {[]float64{1, 2, 9}, 2}, {[]float64{1, 2, 4, 9}, 3}} {
		if got := median(test.sorted); got != test.want {
			t.Errorf("%v: got %v, want %v", test.sorted, got, test.want)
		}
	}
}

func TestCells(t *testing.T) {
	want := [][]string{
		{"workload", "peer", "CPU µs/request", "CPU ÷ bare", "p99 ms", "p99 ÷ bare", "p50 ms", "requests/s", "failed"},
		{"GET 64 B", "direct", "–", "–", "0.20", "0.10 (0.10–0.10)", "0.10", "1000", "0"},
		{"GET 64 B", "dynlb", "120.0", "1.10 (1.00–1.20)", "2.40", "1.20 (1.00–2.00)", "1.20", "1000", "0"},
		{"GET 64 B", "bare", "100.0", "1.00 (1.00–1.00)", "2.00", "1.00 (1.00–1.00)", "1.00", "1000", "0"},
	}
	for i, got := range testReport().cells() {
		if !slices.Equal(got, want[i]) {
			t.Errorf("line %d:\n got %q\nwant %q", i, got, want[i])
		}
	}
}

func TestWriteTableIsAligned(t *testing.T) {
	var out strings.Builder
	if err := testReport().writeTable(&out); err != nil {
		t.Fatal(err)
	}
	var widths []int
	for line := range strings.Lines(out.String()) {
		widths = append(widths, len([]rune(line)))
	}
	if slices.Min(widths) != slices.Max(widths) {
		t.Errorf("lines of %v characters:\n%s", widths, out.String())
	}
}

func TestWriteFiles(t *testing.T) {
	rep, folder := testReport(), filepath.Join(t.TempDir(), "results")
	if err := rep.writeFiles(folder); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(folder, "latest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var read report
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	if len(read.Samples) != 9 || read.Samples[4] != rep.Samples[4] || read.Rows[1].CPU != rep.Rows[1].CPU {
		t.Errorf("read back: %+v", read)
	}
	page, err := os.ReadFile(filepath.Join(folder, "latest.md"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "| GET 64 B | dynlb | 120.0 | 1.10 (1.00–1.20) |"; !strings.Contains(string(page), want) {
		t.Errorf("%q is missing in:\n%s", want, page)
	}
}

func TestFailedCountsEverySample(t *testing.T) {
	rep := testReport()
	rep.Samples[0].Failed, rep.Samples[8].Failed = 1, 2
	if got := rep.failed(); got != 3 {
		t.Errorf("got %d, want 3", got)
	}
}
