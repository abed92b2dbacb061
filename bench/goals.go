package main

// A goal is a limit for dynlb under one workload: the median of a figure, as it is
// or divided by a reference, and its maximum.
type goal struct {
	Workload string  `json:"workload"`
	Figure   figure  `json:"figure"`
	Against  string  `json:"against,omitempty"` // a reference; empty: the figure itself
	Limit    float64 `json:"limit"`
}

// figure names what a goal is about.
type figure string

const (
	figureCPU    figure = "CPU/request"
	figureP99    figure = "p99"
	figureMemory figure = "KiB/connection"
)

// goals are those of the project, not of the run.
var goals = []goal{
	{"get-64", figureCPU, "best", 0.90},
	{"get-256", figureCPU, "best", 0.90},
	{"get-64", figureCPU, "haproxy-tcp", 1.05},
	{"get-256", figureCPU, "haproxy-tcp", 1.05},
	{"half", figureP99, "best", 1},
	{"get-1", figureCPU, "best", 1},
	{"get-8", figureCPU, "best", 1},
	{"16k", figureCPU, "best", 1},
	{"1m", figureCPU, "best", 1},
	{"post", figureCPU, "best", 1},
	{"new", figureCPU, "best", 1},
	{"idle", figureMemory, "", 0.5},
	{"tunnels", figureMemory, "", 1},
	{"https-8", figureCPU, "best", 0.65},
	{"https-64", figureCPU, "best", 0.65},
	{"https-1m", figureCPU, "best", 0.75},
	{"https-new", figureCPU, "best", 1},
	{"https-resumed", figureCPU, "best", 1},
	{"https-idle", figureMemory, "", 8},
}

// A verdict is the result of a goal.
type verdict struct {
	goal
	Value spread `json:"value"`
	Met   bool   `json:"met"`
}

// judge compares the rows of dynlb with the goals whose figures the run has.
func (r report) judge() []verdict {
	var verdicts []verdict
	for _, g := range goals {
		if value := r.valueOf(g); value != (spread{}) {
			verdicts = append(verdicts, verdict{goal: g, Value: value, Met: value.Median <= g.Limit})
		}
	}
	return verdicts
}

// valueOf is the figure that g is about; zero if the run does not have it.
func (r report) valueOf(g goal) spread {
	const subject = "dynlb"
	for _, m := range r.MemoryRows {
		if m.Workload == g.Workload && m.Peer == subject && g.Figure == figureMemory {
			return m.Each
		}
	}
	for _, row := range r.Rows {
		if row.Workload != g.Workload || row.Peer != subject {
			continue
		}
		switch g.Figure {
		case figureCPU:
			return row.Against[g.Against].CPU
		case figureP99:
			return row.Against[g.Against].P99
		default:
		}
	}
	return spread{}
}
