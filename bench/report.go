package main

import "time"

// A report is everything a run leaves behind; latest.json is this.
type report struct {
	Environment environment       `json:"environment"`
	Settings    settings          `json:"settings"`
	Versions    map[string]string `json:"versions"` // by peer
	Verdicts    []verdict         `json:"verdicts"`
	Rows        []row             `json:"rows"`
	MemoryRows  []memoryRow       `json:"memoryRows"`
	Samples     []sample          `json:"samples"`
	Memory      []memorySample    `json:"memorySamples"`
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
	Rate      spread            `json:"requestsAskedPerSecond"` // open loops
	Memory    spread            `json:"memoryMiB"`
	Failed    uint64            `json:"failed"`
	Against   map[string]ratios `json:"against"` // by reference
}

// ratios divide a peer by a reference, round by round. CPU and latencies below 1
// are better than the reference, throughput above 1.
type ratios struct {
	CPU       spread `json:"cpuPerRequest"`
	P50       spread `json:"p50"`
	P99       spread `json:"p99"`
	P999      spread `json:"p999"`
	PerSecond spread `json:"requestsPerSecond"`
}

// A memoryRow sums up what idle connections cost one peer.
type memoryRow struct {
	Workload string            `json:"workload"`
	Peer     string            `json:"peer"`
	Before   spread            `json:"beforeMiB"`
	After    spread            `json:"afterMiB"`
	Each     spread            `json:"perConnectionKiB"`
	Closed   int               `json:"closed"`  // connections that the peer ended, all rounds
	Against  map[string]spread `json:"against"` // Each divided, by reference
}

func newReport(s settings, found findings) report {
	rep := report{
		Environment: readEnvironment(),
		Settings:    s,
		Versions:    found.versions,
		Samples:     found.samples,
		Memory:      found.memory,
	}
	for _, w := range s.todo() {
		for _, peer := range s.Peers {
			switch {
			case w.kind != idle:
				rep.Rows = append(rep.Rows, newRow(w.name, peer, found.samples))
			case peer != "direct":
				rep.MemoryRows = append(rep.MemoryRows, newMemoryRow(w.name, peer, found.memory))
			}
		}
	}
	rep.Verdicts = rep.judge()
	return rep
}

func newRow(workload, peer string, samples []sample) row {
	of := func(value func(sample) float64) figures { return figuresOf(workload, samples, value) }
	cpu := of(func(s sample) float64 { return micros(s.cpuPerRequest()) })
	p50 := of(func(s sample) float64 { return micros(s.P50) })
	p99 := of(func(s sample) float64 { return micros(s.P99) })
	p999 := of(func(s sample) float64 { return micros(s.P999) })
	perSecond := of(sample.perSecond)
	r := row{
		Workload: workload, Peer: peer,
		CPU: cpu.spread(peer), P50: p50.spread(peer), P99: p99.spread(peer), P999: p999.spread(peer),
		PerSecond: perSecond.spread(peer),
		Rate:      of(func(s sample) float64 { return s.Rate }).spread(peer),
		Memory:    of(func(s sample) float64 { return mebi(s.loadResult.Memory) }).spread(peer),
		Against:   map[string]ratios{},
	}
	for _, s := range samplesOf(workload, peer, samples) {
		r.Failed += s.Failed
	}
	for _, ref := range references {
		if cpu.has(ref) {
			r.Against[ref.name] = ratios{
				CPU: cpu.ratio(peer, ref, smallest), P50: p50.ratio(peer, ref, smallest), P99: p99.ratio(peer, ref, smallest),
				P999: p999.ratio(peer, ref, smallest), PerSecond: perSecond.ratio(peer, ref, greatest),
			}
		}
	}
	return r
}

func newMemoryRow(workload, peer string, samples []memorySample) memoryRow {
	of := func(value func(memorySample) float64) figures {
		f := figures{}
		for _, m := range samples {
			if m.Workload == workload {
				f.add(m.Peer, m.Round, value(m))
			}
		}
		return f
	}
	each := of(func(m memorySample) float64 { return m.perConnection() / 1024 })
	r := memoryRow{
		Workload: workload, Peer: peer,
		Before:  of(func(m memorySample) float64 { return mebi(m.Before) }).spread(peer),
		After:   of(func(m memorySample) float64 { return mebi(m.After) }).spread(peer),
		Each:    each.spread(peer),
		Against: map[string]spread{},
	}
	for _, m := range samples {
		if m.Workload == workload && m.Peer == peer {
			r.Closed += m.Connections - m.Open
		}
	}
	for _, ref := range references {
		if each.has(ref) {
			r.Against[ref.name] = each.ratio(peer, ref, smallest)
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

// failed is how many requests failed and idle connections were ended, all
// samples together.
func (r report) failed() (n uint64) {
	for _, s := range r.Samples {
		n += s.Failed
	}
	for _, m := range r.Memory {
		n += uint64(m.Connections - m.Open)
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

func mebi(bytes uint64) float64 { return float64(bytes) / (1 << 20) }
