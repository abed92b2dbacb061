package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxReasons bounds the reasons of one kind in the report.
const maxReasons = 5

// A report is the result of a soak.
type report struct {
	*rig
	took          time.Duration // all of the load
	before, after reading
	unsettled     []string // what is wrong with after
	ending        error    // nil: dynlb ended as it should
	left          []int    // processes that outlived it
	ledger        ledger
}

// A verdict is one condition that must hold. detail is what was found.
type verdict struct {
	what   string
	holds  bool
	detail string
}

// verdicts judges the run.
func (r *report) verdicts() []verdict {
	gets, excused, others := r.sorted()
	twice := r.ledger.twice()
	missing := r.ledger.missing(r.load.tally.posted)
	list := []verdict{
		{"no GET lost", len(gets) == 0, howMany(gets) + " lost"},
		{"no POST carried out twice", len(twice) == 0, counted(twice)},
		{"every POST answered 200 was carried out", len(missing) == 0, counted(missing)},
		{"POSTs lost only with their instance", len(others) == 0, fmt.Sprintf("%s others, %d with it", howMany(others), len(excused))},
	}
	for _, name := range slices.Sorted(maps.Keys(r.holders)) {
		broken := r.holders[name].tally.broken
		list = append(list, verdict{name + " broken only with their instance", len(broken) == 0, counted(broken)})
	}
	if r.bystander != nil {
		list = append(list, r.bystander.verdicts()...)
	}
	troubles := r.injector.done.troubles
	ending := "exit code 0"
	if r.ending != nil {
		ending = r.ending.Error()
	}
	return append(list,
		verdict{"every fault was borne", len(troubles) == 0, counted(troubles)},
		verdict{"afterwards it holds no more than before", len(r.unsettled) == 0, counted(r.unsettled)},
		verdict{"SIGTERM ends it in order", r.ending == nil, ending},
		verdict{"no process left", len(r.left) == 0, fmt.Sprintf("%d left", len(r.left))})
}

// sorted returns the lost GETs, the requests that were lost with their instance, and
// the other lost POSTs. A POST on record is excused only by what happened to the
// instance that carried it out. A GET is excused when its response had begun: no proxy
// can send it again.
func (r *report) sorted() (gets, excused, others []loss) {
	for _, l := range r.load.tally.lost {
		switch {
		case cutOff(l.err) && r.windows.excuse(l.from, l.until):
			excused = append(excused, l)
		case !l.request.post:
			gets = append(gets, l)
		case lossAllowed(l.err) && r.windows.excuse(l.from, l.until, r.ledger[l.request.id]...):
			excused = append(excused, l)
		default:
			others = append(others, l)
		}
	}
	return gets, excused, others
}

func (r *report) passed() bool {
	return !slices.ContainsFunc(r.verdicts(), func(v verdict) bool { return !v.holds })
}

// write writes the report as Markdown.
func (r *report) write(out io.Writer) {
	word := map[bool]string{true: "PASS", false: "FAIL"}
	fmt.Fprintf(out, "# Soak: %s\n\nSeed %d, %d requests/s, faults for %v, engine %s, %s/%s with %d cores.\n\n",
		word[r.passed()], r.seed, r.rate, r.duration, orDefault(r.engine), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	fmt.Fprint(out, "| must hold | | |\n|---|---|---|\n")
	for _, v := range r.verdicts() {
		fmt.Fprintf(out, "| %s | %s | %s |\n", v.what, word[v.holds], v.detail)
	}
	r.writeLoad(out)
	r.writeFaults(out)
	r.writeReadings(out)
	gets, excused, others := r.sorted()
	writeLosses(out, "GETs lost", gets)
	writeLosses(out, "Lost with their instance", excused)
	writeLosses(out, "POSTs lost otherwise", others)
	writeList(out, "POSTs carried out twice", r.ledger.twice())
	writeList(out, "POSTs answered 200 and not carried out", r.ledger.missing(r.load.tally.posted))
	for _, name := range slices.Sorted(maps.Keys(r.holders)) {
		writeList(out, name+" broken", r.holders[name].tally.broken)
	}
	writeList(out, "Faults handled wrongly", r.injector.done.troubles)
	writeList(out, "Not as before", r.unsettled)
	if r.bystander != nil {
		writeList(out, "Requests of the second app lost", r.bystander.broken)
	}
}

func (r *report) writeLoad(out io.Writer) {
	t := &r.load.tally
	sent := r.load.sent.Load()
	gets, excused, others := r.sorted()
	fmt.Fprintf(out, "\n## Load\n\n%d requests, %.0f a second; %d sent more than %v late; POSTs carried out: %d; lost: %s GETs, %s POSTs; lost with their instance: %d.\n\n",
		sent, float64(sent)/r.load.ends[phases-1].Seconds(), t.late, lateAfter, len(r.ledger), howMany(gets), howMany(others), len(excused))
	fmt.Fprint(out, "| latency beyond the app's, ms | requests | p50 | p99 | p99.9 | max |\n|---|---:|---:|---:|---:|---:|\n")
	for _, row := range []struct {
		name  string
		phase phase
	}{{"quiet", quiet}, {"during faults", faulty}} {
		took := t.took[row.phase]
		fmt.Fprintf(out, "| %s | %d |", row.name, len(took))
		for _, d := range took.quantiles(0.5, 0.99, 0.999, 1) {
			fmt.Fprintf(out, " %.2f |", float64(d)/float64(time.Millisecond))
		}
		fmt.Fprintln(out)
	}
}

func (r *report) writeFaults(out io.Writer) {
	done := &r.injector.done
	fmt.Fprint(out, "\n## Faults\n\n| fault | times |\n|---|---:|\n")
	for k, n := range done.count {
		fmt.Fprintf(out, "| %v | %d |\n", kind(k), n)
	}
	for i, o := range offences {
		fmt.Fprintf(out, "| %s | %d |\n", o.name, r.offenders.counts[i].Load())
	}
	fmt.Fprintf(out, "\nOf the rolling restarts %d found another under way, %d ended early because a new instance was struck. "+
		"For the same reason %d reloads were rejected. In the place of %d restarts and reloads another reload began.\n",
		done.busy, done.aborted, done.rejected, done.superseded)
	fmt.Fprint(out, "\n| held | opened | ended in order | broken with their instance | broken otherwise |\n|---|---:|---:|---:|---:|\n")
	for _, name := range slices.Sorted(maps.Keys(r.holders)) {
		t := &r.holders[name].tally
		fmt.Fprintf(out, "| %s | %d | %d | %d | %d |\n", name, t.opened, t.clean, t.excused, len(t.broken))
	}
}

func (r *report) writeReadings(out io.Writer) {
	fmt.Fprint(out, "\n## What dynlb holds\n\n| | before | after |\n|---|---:|---:|\n")
	for _, row := range []struct {
		name string
		of   func(reading) int
	}{
		{"goroutines", func(x reading) int { return x.goroutines }},
		{"descriptors", func(x reading) int { return x.descriptors }},
		{"resident memory, MiB", func(x reading) int { return x.memory }},
		{"instances", func(x reading) int { return x.instances }},
		{"their processes", func(x reading) int { return x.processes }},
		{"zombies", func(x reading) int { return x.zombies }},
		{"requests in flight", func(x reading) int { return x.inFlight }},
		{"requests waiting", func(x reading) int { return x.waiting }},
	} {
		fmt.Fprintf(out, "| %s | %d | %d |\n", row.name, row.of(r.before), row.of(r.after))
	}
	fmt.Fprintf(out, "\nDescriptors may be up to %d more than before, and goroutines up to %d.\n", slack, slack+handshakers())
}

// howMany returns the number of losses, and how many of them were refused. A refused
// request is lost for the verdict: its client got nothing of what it asked for. But no
// instance had it, and the client was told when to come again.
func howMany(losses []loss) string {
	n := 0
	for _, l := range losses {
		if status, ok := errors.AsType[*statusError](l.err); ok && status.status == http.StatusServiceUnavailable && status.later {
			n++
		}
	}
	if n == 0 {
		return strconv.Itoa(len(losses))
	}
	return fmt.Sprintf("%d (%d of them refused by a 503 with Retry-After)", len(losses), n)
}

// writeLosses writes the reasons of losses, the most frequent first, each with the
// time of its first occurrence.
func writeLosses(out io.Writer, title string, losses []loss) {
	byReason := map[string][]loss{}
	for _, l := range losses {
		reason := strings.ReplaceAll(bare(l.err), l.request.id, "ID")
		byReason[reason] = append(byReason[reason], l)
	}
	reasons := slices.SortedFunc(maps.Keys(byReason), func(a, b string) int {
		return cmp.Or(len(byReason[b])-len(byReason[a]), cmp.Compare(a, b))
	})
	var lines []string
	for _, reason := range reasons {
		of := byReason[reason]
		l := of[0]
		lines = append(lines, fmt.Sprintf("%d × %s (first: %s at %s, after %v)",
			len(of), reason, l.request.id, l.from.Format("15:04:05.000"), l.until.Sub(l.from).Round(time.Millisecond)))
	}
	writeList(out, title, lines)
}

// writeList writes the first few of lines under a title, and nothing when there
// are none.
func writeList(out io.Writer, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(out, "\n## %s\n\n", title)
	for _, line := range lines[:min(len(lines), maxReasons)] {
		fmt.Fprintf(out, "- %s\n", line)
	}
	if more := len(lines) - maxReasons; more > 0 {
		fmt.Fprintf(out, "- and %d more\n", more)
	}
}

func counted(list []string) string { return fmt.Sprintf("%d", len(list)) }

func orDefault(engine string) string {
	if engine == "" {
		return "default"
	}
	return engine
}
