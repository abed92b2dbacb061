package main

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// spotless is the report of a run without a failure.
func spotless() *report {
	r := &report{rig: &rig{
		load:      &load{ends: [phases]time.Duration{1, 2, 3}},
		injector:  &injector{},
		offenders: newOffenders(""),
		holders:   map[string]*holder{"event streams": {}},
	}}
	r.ledger = ledger{"p1": {"10"}}
	r.load.tally.posted = []string{"p1"}
	return r
}

func TestReportFailsForEveryFault(t *testing.T) {
	now := time.Now()
	lost := func(r *report, post bool, err error, from time.Time) {
		r.load.tally.lost = append(r.load.tally.lost, loss{request: request{id: "x1", post: post}, err: err, from: from, until: from})
	}
	cut := &brokenError{"no answer", io.EOF}
	for name, test := range map[string]struct {
		spoil func(*report)
		title string // of the section that is written; "" when it passes
	}{
		"nothing": {func(*report) {}, ""},
		"POST with its instance": {func(r *report) {
			r.windows.open(10, now)(now)
			lost(r, true, cut, now)
			lost(r, true, &statusError{status: 502}, now)
		}, ""},
		"POST carried out by another instance": {func(r *report) {
			r.windows.open(11, now)(now)
			r.ledger["x1"] = []string{"12"}
			lost(r, true, cut, now)
		}, "## POSTs lost otherwise"},
		"GET with its instance": {func(r *report) {
			r.windows.open(10, now)(now)
			lost(r, false, cut, now)
		}, "## GETs lost\n\n- 1 × no answer: EOF"},
		"response of a GET cut off": {func(r *report) {
			r.windows.open(10, now)(now)
			lost(r, false, &brokenError{readBody, io.ErrUnexpectedEOF}, now)
		}, ""},
		"response of a GET cut off at another time": {func(r *report) {
			r.windows.open(10, now)(now)
			lost(r, false, &brokenError{readBody, io.ErrUnexpectedEOF}, now.Add(time.Minute))
		}, "## GETs lost"},
		"POST at another time": {func(r *report) {
			r.windows.open(10, now)(now)
			lost(r, true, cut, now.Add(time.Minute))
		}, "## POSTs lost otherwise"},
		"POST for another reason": {func(r *report) {
			r.windows.open(10, now)(now)
			lost(r, true, &statusError{status: 503, body: "full"}, now)
		}, "- 1 × status 503: full"},
		"refused GET": {func(r *report) {
			lost(r, false, &statusError{status: 502}, now)
			lost(r, false, &statusError{status: 503, body: "full"}, now)
			lost(r, false, &statusError{status: 503, body: "full", later: true}, now)
		}, "| 3 (1 of them refused by a 503 with Retry-After) lost |"},
		"POST twice":      {func(r *report) { r.ledger["p1"] = []string{"10", "11"} }, "## POSTs carried out twice\n\n- p1"},
		"POST missing":    {func(r *report) { r.ledger = nil }, "not carried out\n\n- p1"},
		"stream":          {func(r *report) { r.holders["event streams"].tally.broken = []string{"e1"} }, "## event streams broken\n\n- e1"},
		"fault not borne": {func(r *report) { r.injector.done.troubles = []string{"late"} }, "## Faults handled wrongly\n\n- late"},
		"leak":            {func(r *report) { r.unsettled = []string{"goroutines"} }, "## Not as before\n\n- goroutines"},
		"exit":            {func(r *report) { r.ending = errors.New("exit status 1") }, "| exit status 1 |"},
		"process":         {func(r *report) { r.left = []int{1} }, "| 1 left |"},
	} {
		t.Run(name, func(t *testing.T) {
			r := spotless()
			test.spoil(r)
			var text strings.Builder
			r.write(&text)
			if r.passed() != (test.title == "") || strings.Contains(text.String(), "FAIL") != (test.title != "") {
				t.Errorf("passed: %v, want %v", r.passed(), test.title == "")
			}
			if !strings.Contains(text.String(), test.title) {
				t.Errorf("%q is missing in\n%s", test.title, text.String())
			}
		})
	}
}
