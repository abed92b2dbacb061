package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMixedRequests checks that the requests of a mixed soak follow from the seed, and
// that all kinds are among them.
func TestMixedRequests(t *testing.T) {
	reads := server{chunked: true}
	a, b := newMixOf(reads, 5, 1000), newMixOf(reads, 5, 1000)
	unable := newMixOf(server{}, 5, 1000)
	seen := map[string]int{}
	pauses := 0
	var last request
	for range 10_000 {
		r := a.request()
		if r != b.request() {
			t.Fatal("the same seed gave another request")
		}
		if unable.request().chunked {
			t.Fatal("chunked content for a server that does not read it")
		}
		if r.at-last.at > time.Second {
			pauses++
		}
		seen[r.method()]++
		if r.chunked {
			seen["chunked"]++
		}
		seen[http.StatusText(r.status)]++
		last = r
	}
	for _, kind := range []string{"GET", "HEAD", "POST", "PUT", "chunked", "No Content", "Not Modified"} {
		if seen[kind] < 100 {
			t.Errorf("%d requests of 10000 are of the kind %s", seen[kind], kind)
		}
	}
	if pauses < 50 {
		t.Errorf("%d pauses in 10000 requests", pauses)
	}
}

// TestMixedReportFailsForEveryLoss judges what may happen to a request.
func TestMixedReportFailsForEveryLoss(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		loss  loss
		title string // of the section; "" when it passes
	}{
		"POST with its instance": {loss{request: request{id: "p2", post: true}, err: &statusError{status: 502}}, ""},
		"POST carried out by another instance": {
			loss{request: request{id: "p1", post: true}, err: &statusError{status: 502}}, "POSTs lost otherwise",
		},
		"GET with an instance":      {loss{request: request{id: "g1"}, err: &statusError{status: 502}}, "GETs lost"},
		"response of a GET cut off": {loss{request: request{id: "g1"}, err: &brokenError{readBody, io.ErrUnexpectedEOF}}, ""},
		"another answer":            {loss{request: request{id: "p2", post: true}, err: errStrayBody}, "wrong contents"},
		"more than an answer":       {loss{request: request{id: "g1"}, err: &brokenError{"after", errStrayBytes}}, "wrong contents"},
		"other content":             {loss{request: request{id: "p2", post: true}, err: &statusError{status: 400, body: notMyBody}}, "wrong contents"},
	} {
		t.Run(name, func(t *testing.T) {
			r := spotless()
			r.windows.open(11, now)(now)
			r.load.tally.lost = []loss{test.loss}
			r.load.tally.lost[0].from, r.load.tally.lost[0].until = now, now
			m := mixReport{reports: []*report{r}}
			var text strings.Builder
			m.write(&text)
			if m.passed() != (test.title == "") || !strings.Contains(text.String(), test.title) {
				t.Errorf("passed: %v, want the section %q in\n%s", m.passed(), test.title, text.String())
			}
		})
	}
}

func TestMissingProgramIsNamed(t *testing.T) {
	s := server{name: "Foo", command: []string{"no-such-program"}, from: "apt-get install foo"}
	t.Chdir("..")
	_, err := s.find()
	if err == nil || err.Error() != "Foo: the program no-such-program is missing (apt-get install foo)" {
		t.Errorf("got %v", err)
	}
	if _, _, err := choose("stray bytes,Foo"); err == nil || !strings.Contains(err.Error(), `no server "Foo"`) {
		t.Errorf("got %v", err)
	}
	if chosen, commands, err := choose("stray bytes"); err != nil || len(chosen) != 1 || len(commands) != 1 {
		t.Errorf("chose %v, %v: %v", chosen, commands, err)
	}
}

// TestStrayBytes checks that the stand-in answers like the other apps, and sends more
// than that after a response without content.
func TestStrayBytes(t *testing.T) {
	for _, test := range []struct {
		request request
		stray   bool
	}{
		{request{id: "g1", size: 30, named: true}, false},
		{request{id: "p1", size: 30, named: true, post: true}, false},
		{request{id: "u1", size: 30, named: true, post: true, verb: "PUT", chunked: true}, false},
		{request{id: "h1", size: 30, named: true, verb: "HEAD"}, true},
		{request{id: "g2", named: true, status: http.StatusNoContent}, true},
		{request{id: "g3", size: 5, named: true, status: http.StatusNotModified}, true},
	} {
		ledger, err := os.Create(filepath.Join(t.TempDir(), "ledger"))
		if err != nil {
			t.Fatal(err)
		}
		client, end := net.Pipe()
		go func() { // ends with the request
			defer end.Close()
			_ = answerStray(bufio.NewReader(end), end, ledger)
		}()
		n := &conn{Conn: client, in: bufio.NewReader(client)}
		a, _, err := n.exchange(test.request.method(), test.request.bytes("x"))
		if err == nil {
			err = test.request.check(a)
		}
		rest, _ := io.ReadAll(n.in)
		if err != nil || test.stray != (string(rest) == strayBytes) {
			t.Errorf("%s: %v, followed by %q", test.request.id, err, rest)
		}
		record, _ := os.ReadFile(ledger.Name())
		ledger.Close()
		if test.request.post != strings.HasPrefix(string(record), test.request.id+" ") {
			t.Errorf("%s is recorded as %q", test.request.id, record)
		}
	}
}
