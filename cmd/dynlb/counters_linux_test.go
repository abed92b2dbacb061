package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// scrape returns the counters of dynlb itself, by series: also those of its histograms, and
// without those of instances, which end with them.
func (p *dynlbProcess) scrape() map[string]float64 {
	p.t.Helper()
	address := ""
	for line := range strings.Lines(p.log.String()) {
		var entry struct{ Msg, AdminHTTP string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "serving" {
			address = entry.AdminHTTP
		}
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + address + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	all, counters := map[string]float64{}, map[string]bool{}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		line := lines.Text()
		if words := strings.Fields(line); strings.HasPrefix(line, "# TYPE dynlb_") {
			counters[words[2]] = words[3] == "counter" || words[3] == "histogram"
			continue
		}
		series, value, _ := strings.Cut(line, "} ")
		name, _, _ := strings.Cut(series, "{")
		for _, end := range []string{"_bucket", "_sum", "_count"} {
			if family := strings.TrimSuffix(name, end); counters[family] {
				name = family
			}
		}
		if counters[name] && !strings.Contains(series, "instance_id=") {
			if all[series], err = strconv.ParseFloat(value, 64); err != nil {
				p.t.Fatalf("%s: %v", line, err)
			}
		}
	}
	return all
}

// notLess fails the test if a counter has gone back.
func notLess(t *testing.T, what string, before, after map[string]float64) {
	t.Helper()
	for series, n := range before {
		if after[series] < n {
			t.Errorf("%s: %s went from %v to %v", what, series, n, after[series])
		}
	}
}

// served is the series of requests with a 200.
const served = `dynlb_requests_total{app="default",code="200"`

// TestCountersGoOn: no counter goes back in upgrades, and each request is counted once,
// whichever worker has carried it. When the worker is killed, those of the last second may be
// lost.
func TestCountersGoOn(t *testing.T) {
	t.Parallel()
	needKeeper(t)
	p := spawn(t, "minInstances: 2\nmaxInstances: 2\n")
	first := p.scrape()
	load, slow := daemontest.StartLoad(t, 2, p.url, "/"), daemontest.StartLoad(t, 2, p.url, "/slow?ms=1500")
	before := p.scrape()
	for range 2 {
		if code, output := p.upgrade(); code != 0 {
			t.Fatalf("upgrade: exit code %d, %s", code, output)
		}
		for range 5 {
			now := p.scrape()
			notLess(t, "upgrade", before, now)
			before = now
		}
	}
	load.Stop()
	slow.Stop()
	want := first[served] + float64(load.Done.Load()+slow.Done.Load())
	daemontest.Eventually(t, "the counts of all workers", func() bool { before = p.scrape(); return before[served] >= want })
	daemontest.Eventually(t, "one worker", func() bool { return len(p.commands("worker")) == 1 })
	if before = p.scrape(); before[served] != want {
		t.Errorf("%v requests are counted, want %v", before[served], want)
	}
	time.Sleep(2 * time.Second) // the state is saved each second, and nothing tells of it
	if err := syscall.Kill(p.commands("worker")[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "another worker", func() bool { return strings.Count(p.log.String(), `"serving"`) == 4 })
	notLess(t, "the death of the worker", before, p.scrape())
}
