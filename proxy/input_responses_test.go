package proxy_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestInputResponses has an instance answer with every input, and checks what the
// client gets and whether the connection to the instance is used again.
func TestInputResponses(t *testing.T) {
	t.Parallel()
	bad := []answered{{status: 502}}
	want := map[string]struct {
		answers []answered
		hangUp  bool // the instance closes the connection
		cut     bool // the client's connection is closed
		reused  bool
	}{
		"B01": {answers: bad}, "B02": {answers: bad}, "B03": {answers: bad}, "B04": {answers: bad}, "B05": {answers: bad},
		"B06": {answers: []answered{{status: 200, body: "ok"}}},
		"B07": {answers: bad}, "B08": {answers: bad}, "B09": {answers: bad}, "B10": {answers: bad},
		"B11": {answers: []answered{{status: 200, body: "ok", cut: true}}, hangUp: true, cut: true},
		"B12": {answers: []answered{{status: 200, body: "ok", cut: true, chunked: true}}, hangUp: true, cut: true},
		"B13": {answers: bad}, "B14": {answers: bad, hangUp: true}, "B15": {answers: bad},
		"B16": {answers: []answered{{status: 204}}},
		"B17": {answers: []answered{{status: 103}, {status: 100}, {status: 200, body: "ok"}}, reused: true},
		"B18": {answers: bad}, "B19": {answers: bad},
		"B20": {answers: []answered{{status: 200, body: "ok", chunked: true}}, hangUp: true},
		"B21": {answers: bad},
	}
	for _, in := range inputs(t) {
		w, ok := want[in.ID]
		if in.Response == nil {
			continue
		}
		if !ok {
			t.Errorf("%s is not in the table", in.ID)
		}
		for _, step := range []int{1 << 20, 1 + len(in.Response)/300} {
			if in.ID == "B10" && step == 1 {
				continue // its head is valid, and may be on its way when its content comes
			}
			t.Run(in.ID, func(t *testing.T) {
				t.Parallel()
				instance := &witness{answer: in.Response, step: step, hangUp: w.hangUp}
				f := newProxy(t, setup{instances: []string{proxytest.Script(t, instance.talk)}, unproven: !w.reused})
				c := proxytest.Dial(t, f.address)
				_, _ = c.Write(in.Request)
				c.Send(probe)
				got := responses(t, c, http.MethodGet)
				answers := slices.Clone(w.answers)
				if !w.cut {
					answers = append(answers, answered{status: 200, body: "ok"})
				}
				same := func(a, b answered) bool { return a == b || a.status == 502 && b.status == 502 }
				if !slices.EqualFunc(got, answers, same) {
					t.Errorf("%s: got %+v, want %+v", in.Title, got, answers)
				}
				_, requests := instance.seen()
				if w.cut != (len(requests) == 1) || len(requests) == 0 {
					t.Fatalf("%s: the instance got %+v", in.Title, requests)
				}
				if reused := requests[0].conn == requests[len(requests)-1].conn; !w.cut && reused != w.reused {
					t.Errorf("%s: connection reused %t", in.Title, reused)
				}
				f.idle(t)
			})
		}
	}
}
