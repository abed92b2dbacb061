package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// A mixReport is the result of a mixed soak.
type mixReport struct {
	settings
	reports []*report
}

// mixResult is what came of the requests to one server.
type mixResult struct {
	wrong   []loss // answers and contents that are another request's
	gets    []loss // lost: GET and HEAD
	excused []loss // lost with their instance
	others  []loss // lost with content otherwise
	twice   []string
	missing []string // answered well, and not carried out
}

// result sorts what came of the requests.
func (r *report) result() mixResult {
	gets, excused, others := r.sorted()
	m := mixResult{twice: r.ledger.twice(), missing: r.ledger.missing(r.load.tally.posted)}
	for from, to := range map[*[]loss]*[]loss{&gets: &m.gets, &excused: &m.excused, &others: &m.others} {
		for _, l := range *from {
			if l.wrong() {
				m.wrong = append(m.wrong, l)
			} else {
				*to = append(*to, l)
			}
		}
	}
	return m
}

// wrong reports whether the request was answered with what belongs to another one,
// or reached the instance with other content than was sent.
func (l loss) wrong() bool {
	status, ok := errors.AsType[*statusError](l.err)
	return errors.Is(l.err, errStrayBody) || errors.Is(l.err, errStrayBytes) || ok && status.body == notMyBody
}

// bad reports whether what must never happen did.
func (m mixResult) bad() bool {
	return len(m.wrong)+len(m.gets)+len(m.others)+len(m.twice)+len(m.missing) > 0
}

// passedMixed reports whether everything held with one server.
func (r *report) passedMixed() bool {
	return !r.result().bad() && len(r.injector.done.troubles)+len(r.left) == 0 && r.ending == nil
}

func (m mixReport) passed() bool {
	return !slices.ContainsFunc(m.reports, func(r *report) bool { return !r.passedMixed() })
}

// write writes the report as Markdown.
func (m mixReport) write(out io.Writer) {
	word := map[bool]string{true: "PASS", false: "FAIL"}
	fmt.Fprintf(out, "# Mixed soak: %s\n\nSeed %d, %d requests/s to each server, faults for %v, engine %s.\n\n",
		word[m.passed()], m.seed, m.rate, m.duration, orDefault(m.engine))
	fmt.Fprint(out, "Lost with their instance: requests with content, and responses that had begun, whose instance was killed or frozen "+
		"while it had them.\n\n"+
		"| server | requests | faults | GETs lost | lost with their instance | POSTs lost otherwise | POSTs twice | wrong contents | |\n"+
		"|---|---:|---:|---:|---:|---:|---:|---:|---|\n")
	for _, r := range m.reports {
		x := r.result()
		fmt.Fprintf(out, "| %s | %d | %d | %s | %d | %s | %d | %d | %s |\n", r.server.name, r.load.sent.Load(), r.injector.total(),
			howMany(x.gets), len(x.excused), howMany(x.others), len(x.twice), len(x.wrong), word[r.passedMixed()])
	}
	for _, r := range m.reports {
		x, name := r.result(), r.server.name+": "
		writeLosses(out, name+"wrong contents", x.wrong)
		writeLosses(out, name+"GETs lost", x.gets)
		writeLosses(out, name+"POSTs lost otherwise", x.others)
		writeLosses(out, name+"lost with their instance", x.excused)
		writeList(out, name+"POSTs carried out twice", x.twice)
		writeList(out, name+"POSTs answered well and not carried out", x.missing)
		writeList(out, name+"faults handled wrongly", r.injector.done.troubles)
		if r.ending != nil {
			writeList(out, name+"end", []string{r.ending.Error()})
		}
		if len(r.left) > 0 {
			writeList(out, name+"processes left", []string{fmt.Sprint(r.left)})
		}
	}
}
