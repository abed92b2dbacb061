package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A load is a closed loop: each connection sends its next request when it has
// the answer to the last one.
type load struct {
	addrs    []string // connection i goes to addrs[i mod len]
	workload workload // of which path, bodyBytes and connections matter here
	warmup   time.Duration
	duration time.Duration
	grace    time.Duration // for the requests in flight at the end
	group    int           // process group whose CPU time counts; 0: none
}

// loadResult is what one window measured; durations are nanoseconds in JSON.
type loadResult struct {
	Requests     uint64        `json:"requests"` // answered as expected, within the window
	Failed       uint64        `json:"failed"`   // all others, warm-up included
	FirstFailure string        `json:"firstFailure,omitempty"`
	Reconnects   uint64        `json:"reconnects"`  // connections the peer closed in good order
	Elapsed      time.Duration `json:"elapsedNs"`   // the window's true length
	PeerCPU      time.Duration `json:"peerCpuNs"`   // used by the group in the window
	ClientCPU    time.Duration `json:"clientCpuNs"` // used by this process in the window
	P50          time.Duration `json:"p50Ns"`
	P99          time.Duration `json:"p99Ns"`
	P999         time.Duration `json:"p999Ns"`
	Max          time.Duration `json:"maxNs"`
}

// loadMain is "bench load": it runs one load and prints its result as JSON.
func loadMain(ctx context.Context, args []string, out io.Writer) error {
	flags := newFlagSet("bench load")
	addrs := flags.String("addrs", "", "host:port list to connect to")
	l := load{grace: 10 * time.Second}
	flags.StringVar(&l.workload.path, "path", "/", "what to ask for")
	flags.IntVar(&l.workload.bodyBytes, "body", 0, "body length that every answer must have")
	flags.IntVar(&l.workload.connections, "connections", 1, "connections")
	flags.DurationVar(&l.warmup, "warmup", 0, "unmeasured time before the window")
	flags.DurationVar(&l.duration, "duration", time.Second, "length of the window")
	flags.IntVar(&l.group, "group", 0, "process group whose CPU time counts")
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	l.addrs = strings.Split(*addrs, ",")
	// One thread is enough (README, "the client"), and leaves the machine's
	// others to the peer.
	runtime.GOMAXPROCS(1)
	result, err := l.run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(result)
}

// The phases of a run. An answer counts if it arrives in phaseWindow.
const (
	phaseWarmup int32 = iota
	phaseWindow
	phaseOver
)

// run drives all connections through warm-up and window. Failed requests are in
// the result; an error means that there is none.
func (l load) run(ctx context.Context) (loadResult, error) {
	var phase atomic.Int32
	deadline := time.Now().Add(l.warmup + l.duration + l.grace)
	drivers := make([]driver, l.workload.connections)
	var wg sync.WaitGroup
	for i := range drivers {
		drivers[i] = driver{addr: l.addrs[i%len(l.addrs)], workload: l.workload, deadline: deadline, phase: &phase}
		wg.Go(drivers[i].run) // ends after phaseOver, or at the deadline
	}

	sleep(ctx, l.warmup)
	begin, beginErr := readMeters(l.group)
	phase.Store(phaseWindow)
	sleep(ctx, l.duration)
	phase.Store(phaseOver)
	end, endErr := readMeters(l.group)
	wg.Wait()

	if err := errors.Join(ctx.Err(), beginErr, endErr); err != nil {
		return loadResult{}, err
	}
	peerCPU, err := end.peer.since(begin.peer)
	if err != nil {
		return loadResult{}, err
	}
	result := sumUp(drivers)
	result.Elapsed = end.at.Sub(begin.at)
	result.PeerCPU = peerCPU
	result.ClientCPU = end.client - begin.client
	return result, nil
}

// sumUp is the part of the result that the drivers counted.
func sumUp(drivers []driver) loadResult {
	var r loadResult
	var latency histogram
	for i := range drivers {
		d := &drivers[i]
		latency.merge(&d.latency)
		r.Failed += d.failed
		r.Reconnects += d.reconnects
		if r.FirstFailure == "" && d.failure != nil {
			r.FirstFailure = d.failure.Error()
		}
	}
	r.Requests = latency.total
	r.P50, r.P99, r.P999 = latency.quantile(0.5), latency.quantile(0.99), latency.quantile(0.999)
	r.Max = latency.max
	return r
}

// meters are the clocks at one end of the window.
type meters struct {
	at     time.Time
	peer   cpuReading
	client time.Duration
}

func readMeters(group int) (meters, error) {
	peer, err := readGroupCPU(group)
	if err != nil {
		return meters{}, err
	}
	client, err := processCPU(os.Getpid())
	return meters{at: time.Now(), peer: peer, client: client}, err
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
