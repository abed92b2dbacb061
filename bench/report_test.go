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
	return sample{Workload: "get-64", Peer: peer, Round: round, loadResult: loadResult{
		Requests: 1000, Elapsed: time.Second, PeerCPU: 1000 * cpu, P50: p99 / 2, P99: p99, P999: 2 * p99, Memory: 3 << 20,
	}}
}

func testReport() report {
	const us = time.Microsecond
	return newReport(
		settings{
			Rounds: 3, Duration: time.Second, Peers: []string{"direct", "dynlb", "nginx", "haproxy"},
			Workloads: []string{"get-64", "idle"},
		},
		findings{versions: map[string]string{"nginx": "1.0", "dynlb": "v0"}, samples: []sample{
			// The machine slows down twofold, then fourfold: the ratios must not. The
			// best is nginx twice, then HAProxy.
			window("dynlb", 1, 55*us, 1000*us), window("nginx", 1, 50*us, 1000*us), window("haproxy", 1, 60*us, 2000*us),
			window("dynlb", 2, 120*us, 2400*us), window("nginx", 2, 100*us, 2000*us), window("haproxy", 2, 101*us, 4000*us),
			window("dynlb", 3, 200*us, 8000*us), window("nginx", 3, 300*us, 4000*us), window("haproxy", 3, 200*us, 8000*us),
			window("direct", 1, 0, 100*us), window("direct", 2, 0, 200*us), window("direct", 3, 0, 400*us),
		}, memory: []memorySample{
			{Workload: "idle", Peer: "dynlb", Round: 1, Connections: 1024, Open: 1024, Before: 4 << 20, After: 5 << 20},
			{Workload: "idle", Peer: "nginx", Round: 1, Connections: 1024, Open: 1024, Before: 4 << 20, After: 6 << 20},
			{Workload: "idle", Peer: "haproxy", Round: 1, Connections: 1024, Open: 1022, Before: 4 << 20, After: 8 << 20},
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
	if got := dynlb.Against["best"].CPU.String(); got != "1.10 (1.00–1.20)" {
		t.Errorf("CPU against the best: got %s", got)
	}
	if got := dynlb.Against["best"].P99.String(); got != "1.20 (1.00–2.00)" {
		t.Errorf("p99 against the best: got %s", got)
	}
	if _, ok := dynlb.Against["haproxy-tcp"]; ok {
		t.Error("against HAProxy in TCP mode, which took no part")
	}
}

func TestVerdicts(t *testing.T) {
	rep := testReport()
	if len(rep.Verdicts) != 2 {
		t.Fatalf("got %+v, want those of what was measured", rep.Verdicts)
	}
	cpu, memory := rep.Verdicts[0], rep.Verdicts[1]
	if cpu.Workload != "get-64" || cpu.Value.Median != 1.1 || cpu.Met {
		t.Errorf("CPU: got %+v, want 1.1 and not met", cpu)
	}
	if memory.Workload != "idle" || memory.Value.Median != 1 || memory.Met {
		t.Errorf("memory: got %+v, want 1 KiB and not met", memory)
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

func TestTables(t *testing.T) {
	tables := testReport().tables()
	if len(tables) != 4 {
		t.Fatalf("%d tables, want goals, ratios, and one per workload", len(tables))
	}
	want := []string{"dynlb", "120.0", "1.10 (1.00–1.20)", "1.200", "2.400", "4.800", "1.20 (1.00–2.00)", "1000", "3.0", "0"}
	if got := tables[2].cells[2]; !slices.Equal(got, want) {
		t.Errorf("workload:\n got %q\nwant %q", got, want)
	}
	want = []string{"haproxy", "4.00 (4.00–4.00)", "2.00 (2.00–2.00)", "4.0", "8.0", "2"}
	if got := tables[3].cells[3]; !slices.Equal(got, want) {
		t.Errorf("memory:\n got %q\nwant %q", got, want)
	}
	for _, table := range tables {
		for _, cells := range table.cells {
			if len(cells) != len(table.cells[0]) {
				t.Errorf("%s: %d cells under %d headings", table.title, len(cells), len(table.cells[0]))
			}
		}
	}
}

func TestWriteFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("draws pictures, for seconds")
	}
	rep, folder := testReport(), filepath.Join(t.TempDir(), "results")
	if err := rep.writeFiles(folder); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(folder, "latest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Samples) != 12 || back.Samples[4] != rep.Samples[4] || back.Rows[1].CPU != rep.Rows[1].CPU {
		t.Errorf("read back: %+v", back)
	}
	page, err := os.ReadFile(filepath.Join(folder, "latest.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"| dynlb | 120.0 | 1.10 (1.00–1.20) |", "](cpu.svg)", "](memory.svg)"} {
		if !strings.Contains(string(page), part) {
			t.Errorf("%q is missing in:\n%s", part, page)
		}
	}
	for name, begin := range map[string]string{"cpu.png": "\x89PNG", "memory.png": "\x89PNG", "throughput.svg": "<?xml"} {
		if data, err := os.ReadFile(filepath.Join(folder, name)); err != nil || !strings.HasPrefix(string(data), begin) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFailedCountsEverySample(t *testing.T) {
	rep := testReport()
	rep.Samples[0].Failed, rep.Samples[8].Failed = 1, 2
	if got := rep.failed(); got != 5 {
		t.Errorf("got %d, want 5: two connections were closed", got)
	}
}
