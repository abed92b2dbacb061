package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"
)

// A load is one window's traffic, closed or open loop. In a closed loop each
// connection sends its next request when it has the answer to the last one. In
// an open loop requests are sent when they are due, on a connection that is
// free; while none is, they wait, and the wait counts.
type load struct {
	addrs    []string // connection i goes to addrs[i mod len]
	workload workload
	rate     float64 // open loop: requests per second; 0: closed
	warmup   time.Duration
	duration time.Duration
	grace    time.Duration // for the requests in flight at the end
	group    int           // process group whose CPU time counts; 0: none
}

// maxFailures is how many failures end the use of a connection's place in a load:
// a peer that is gone should end the run, not fill it with refused connections.
const maxFailures = 10

// loadResult is what one window measured; durations are nanoseconds in JSON.
type loadResult struct {
	Requests     uint64        `json:"requests"` // answered as expected, within the window
	Failed       uint64        `json:"failed"`   // all others, warm-up included
	FirstFailure string        `json:"firstFailure,omitempty"`
	Connections  uint64        `json:"connections"`    // opened, warm-up included
	Rate         float64       `json:"rate,omitempty"` // open loop: requests asked for per second
	Elapsed      time.Duration `json:"elapsedNs"`      // the window's true length
	PeerCPU      time.Duration `json:"peerCpuNs"`      // used by the group in the window
	ClientCPU    time.Duration `json:"clientCpuNs"`    // used by this process in the window
	Memory       uint64        `json:"memoryBytes"`    // of the group, at the window's end

	// Of answers in the window; in an open loop, of requests due in the window.
	P50  time.Duration `json:"p50Ns"`
	P99  time.Duration `json:"p99Ns"`
	P999 time.Duration `json:"p999Ns"`
	Max  time.Duration `json:"maxNs"`
	// Late is how late an open loop began to send, with a free connection at
	// hand, in 99 of 100 cases: the client's own share of the latency.
	Late time.Duration `json:"lateP99Ns,omitempty"`
}

// loadMain is "bench load": it runs one load and prints its result as JSON.
func loadMain(ctx context.Context, args []string, out io.Writer) error {
	flags := newFlagSet("bench load")
	addrs := flags.String("addrs", "", "host:port list to connect to")
	name := flags.String("workload", calibration, "what to send, of "+strings.Join(workloadNames(), ","))
	l := load{grace: 10 * time.Second}
	flags.Float64Var(&l.rate, "rate", 0, "requests per second of an open loop; 0: closed loop")
	flags.DurationVar(&l.warmup, "warmup", 0, "unmeasured time before the window")
	flags.DurationVar(&l.duration, "duration", time.Second, "length of the window")
	flags.IntVar(&l.group, "group", 0, "process group whose CPU time and memory count")
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	var ok bool
	if l.workload, ok = findWorkload(*name); !ok {
		return fmt.Errorf("%w: --workload %q: unknown", errUsage, *name)
	}
	l.addrs = strings.Split(*addrs, ",")
	// One thread is enough (README, "the client"), and leaves the machine's
	// others to the peer.
	runtime.GOMAXPROCS(1)
	run := l.run
	if l.workload.tls {
		run = l.runTLS
	}
	result, err := run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(result)
}
