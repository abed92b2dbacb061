package main

import (
	"math"
	"slices"
	"time"
)

// references are the peers that the others are divided by, as far as they take
// part.
var references = []string{"bare", "nginx"}

// A report is everything a run leaves behind; latest.json is this.
type report struct {
	Environment environment       `json:"environment"`
	Settings    settings          `json:"settings"`
	Versions    map[string]string `json:"versions"` // by peer
	Rows        []row             `json:"rows"`
	Samples     []sample          `json:"samples"`
}

// A row sums up one peer under one workload over all rounds.
type row struct {
	Workload  string            `json:"workload"`
	Peer      string            `json:"peer"`
	CPU       spread            `json:"cpuMicrosPerRequest"`
	P50       spread            `json:"p50Micros"`
	P99       spread            `json:"p99Micros"`
	P999      spread            `json:"p999Micros"`
	PerSecond spread            `json:"requestsPerSecond"`
	Failed    uint64            `json:"failed"`
	Against   map[string]ratios `json:"against"` // by reference
}

// ratios divide a peer by a reference, round by round: below 1 is better than
// the reference.
type ratios struct {
	CPU spread `json:"cpuPerRequest"`
	P99 spread `json:"p99"`
}

// A spread is the median, least and greatest of one figure over the rounds.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func newReport(s settings, found findings) report {
	rep := report{
		Environment: readEnvironment(),
		Settings:    s,
		Versions:    found.versions,
		Samples:     found.samples,
	}
	for _, w := range workloads(s) {
		for _, peer := range s.Peers {
			rep.Rows = append(rep.Rows, newRow(w.name, peer, found.samples))
		}
	}
	return rep
}

func newRow(workload, peer string, samples []sample) row {
	own := samplesOf(workload, peer, samples)
	r := row{
		Workload:  workload,
		Peer:      peer,
		CPU:       spreadOf(own, func(s sample) float64 { return micros(s.cpuPerRequest()) }),
		P50:       spreadOf(own, func(s sample) float64 { return micros(s.P50) }),
		P99:       spreadOf(own, func(s sample) float64 { return micros(s.P99) }),
		P999:      spreadOf(own, func(s sample) float64 { return micros(s.P999) }),
		PerSecond: spreadOf(own, sample.perSecond),
		Against:   map[string]ratios{},
	}
	for _, s := range own {
		r.Failed += s.Failed
	}
	for _, name := range references {
		base := map[int]sample{} // by round
		for _, s := range samplesOf(workload, name, samples) {
			base[s.Round] = s
		}
		if len(base) == 0 {
			continue
		}
		r.Against[name] = ratios{
			CPU: spreadOf(own, func(s sample) float64 {
				return s.cpuPerRequest().Seconds() / base[s.Round].cpuPerRequest().Seconds()
			}),
			P99: spreadOf(own, func(s sample) float64 { return s.P99.Seconds() / base[s.Round].P99.Seconds() }),
		}
	}
	return r
}

func samplesOf(workload, peer string, samples []sample) []sample {
	var own []sample
	for _, s := range samples {
		if s.Workload == workload && s.Peer == peer {
			own = append(own, s)
		}
	}
	return own
}

// spreadOf sums up one figure of the samples. A figure that does not exist, as
// a division by nothing, is left out; without any, the spread is zero.
func spreadOf(samples []sample, figure func(sample) float64) spread {
	var values []float64
	for _, s := range samples {
		if v := figure(s); !math.IsNaN(v) && !math.IsInf(v, 0) {
			values = append(values, math.Round(v*1000)/1000) // more is noise
		}
	}
	if len(values) == 0 {
		return spread{}
	}
	slices.Sort(values)
	return spread{Median: median(values), Min: values[0], Max: values[len(values)-1]}
}

// median of sorted values, at least one.
func median(sorted []float64) float64 {
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// failed is how many requests failed, all samples together.
func (r report) failed() (n uint64) {
	for _, s := range r.Samples {
		n += s.Failed
	}
	return n
}

// cpuPerRequest is the peer's CPU time per answered request; 0 if none was.
func (r loadResult) cpuPerRequest() time.Duration {
	if r.Requests == 0 {
		return 0
	}
	return r.PeerCPU / time.Duration(r.Requests)
}

func (r loadResult) perSecond() float64 { return float64(r.Requests) / r.Elapsed.Seconds() }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
