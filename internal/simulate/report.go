package simulate

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// maxRows is how many rows the table has at most; several phases share a row if there are
// more of them.
const maxRows = 20

// Write writes what happened: a table with a row for each phase of the load, and the
// decisions.
func (r Result) Write(w io.Writer, load []Phase) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "FROM\tTO\tREQUESTS\tMEAN\tP50\tP95\tP99\tFAILED\tINSTANCES\t")
	each := (len(load) + maxRows - 1) / maxRows
	from := time.Duration(0)
	for phases := range slices.Chunk(load, max(1, each)) {
		to := from
		for _, p := range phases {
			to += p.For
		}
		times, failed := r.took(from, to)
		low, high := r.ready(from, to)
		fmt.Fprintf(table, "%v\t%v\t%d\t%s\t%s\t%s\t%s\t%d\t%d to %d\t\n", from, to, len(times)+failed,
			figure(mean(times)), figure(quantile(times, .5)), figure(quantile(times, .95)), figure(quantile(times, .99)),
			failed, low, high)
		from = to
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, c := range r.Changes {
		if _, err := fmt.Fprintf(w, "%9.3fs  %d -> %d  %-7s  %s\n", c.At.Seconds(), c.From, c.To, c.Rule, c.Reason); err != nil {
			return err
		}
	}
	return nil
}

// figure formats a time for people.
func figure(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// ready returns the lowest and the highest number of ready instances in a time.
func (r Result) ready(from, to time.Duration) (low, high int) {
	before := 0
	var within []int
	for _, s := range r.Sizes {
		switch {
		case s.At <= from:
			before = s.Ready
		case s.At < to:
			within = append(within, s.Ready)
		}
	}
	within = append(within, before)
	return slices.Min(within), slices.Max(within)
}

// took returns the sorted times of the requests that arrived in [from, to), and how
// many of them failed.
func (r Result) took(from, to time.Duration) (times []time.Duration, failed int) {
	for _, q := range r.Requests {
		switch {
		case q.At < from || q.At >= to:
		case q.Err != nil:
			failed++
		default:
			times = append(times, q.Took)
		}
	}
	slices.Sort(times)
	return times, failed
}

func mean(times []time.Duration) time.Duration {
	sum := time.Duration(0)
	for _, t := range times {
		sum += t
	}
	return sum / time.Duration(max(1, len(times)))
}

// quantile returns the time that a part of the sorted times does not exceed.
func quantile(times []time.Duration, part float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return times[min(len(times)-1, int(part*float64(len(times))))]
}
