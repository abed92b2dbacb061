package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// spawnBusy starts dynlb with two instances that serve one request at a time.
func spawnBusy(t *testing.T, engine, extra string) *dynlbProcess {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return spawn(t, fmt.Sprintf("minInstances: 2\nmaxInstances: 2\ncheckInterval: 100ms\nhealthTimeout: 500ms\n"+
		"command: [%s, --port, '{port}']\nenv: {%s: '1'}\n%s", self, asOneAtATime, extra), "--engine", engine)
}

// answer is the response to a client.
type answer struct {
	status, body string
	err          error
}

// send sends a request on its own connection. The channel gets the response.
func (p *dynlbProcess) send(method, path string, body io.Reader) <-chan answer {
	p.t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	request, err := http.NewRequest(method, p.url+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	got := make(chan answer, 1)
	go func() { // ends with the response
		response, err := client.Do(request)
		if err != nil {
			got <- answer{err: err}
			return
		}
		defer response.Body.Close()
		content, err := io.ReadAll(response.Body)
		got <- answer{response.Status, string(content), err}
	}()
	return got
}

// arrived waits until the instances have got n requests.
func (p *dynlbProcess) arrived(n int) {
	p.t.Helper()
	daemontest.Eventually(p.t, fmt.Sprint(n, " requests at the instances"), func() bool { return p.requests("") >= n })
}

// requests returns how many requests for a path the instances have got; "": for all.
func (p *dynlbProcess) requests(path string) int {
	return strings.Count(p.log.String(), "request is here: "+path)
}

// paced is content that arrives in pieces, for some time.
type paced struct{ until time.Time }

func (p paced) Read(b []byte) (int, error) {
	if time.Now().After(p.until) {
		return 0, io.EOF
	}
	time.Sleep(50 * time.Millisecond) // the pace of the content
	return copy(b, "piece"), nil
}

// TestBusyInstances: instances that answer no health check because they work on a
// request are not stopped, and their requests are not sent to another instance. That
// holds for requestTimeout, and longer while content is being sent.
func TestBusyInstances(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, engine := range []string{"fast", "std"} {
		for name, c := range map[string]struct {
			requestTimeout string
			ask            func(p *dynlbProcess) []<-chan answer
		}{
			"long work": {"30s", func(p *dynlbProcess) []<-chan answer {
				return []<-chan answer{p.send("GET", "/work?ms=4000", nil), p.send("GET", "/work?ms=4000", nil)}
			}},
			"long content": {"2s", func(p *dynlbProcess) []<-chan answer {
				return []<-chan answer{
					p.send("POST", "/upload", paced{time.Now().Add(5 * time.Second)}),
					p.send("GET", "/stream?ms=5000", nil),
				}
			}},
		} {
			t.Run(engine+", "+name, func(t *testing.T) {
				t.Parallel()
				p := spawnBusy(t, engine, "requestTimeout: "+c.requestTimeout+"\n")
				answers := c.ask(p)
				p.arrived(len(answers))
				for _, a := range answers {
					got := <-a
					if got.status != "200 OK" || got.err != nil || !strings.HasSuffix(got.body, "ok\n") && !strings.HasSuffix(got.body, "end\n") {
						t.Errorf("%+v", got)
					}
				}
				log := p.log.String()
				if got := p.requests(""); got != len(answers) {
					t.Errorf("the instances got %d requests, want %d", got, len(answers))
				}
				if strings.Contains(log, "instance failed") || !strings.Contains(log, "is not replaced yet") {
					t.Error("an instance was replaced, or its health checks did not fail")
				}
			})
		}
	}
}

// TestSpinningInstance: an instance that a request keeps in a loop is replaced after
// requestTimeout, and the request is not sent to another instance. It does not run in
// parallel with others: the loop takes a whole processor.
func TestSpinningInstance(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, engine := range []string{"fast", "std"} {
		t.Run(engine, func(t *testing.T) {
			p := spawnBusy(t, engine, "requestTimeout: 1s\n")
			before := daemontest.InstancesOn(p.basePort)
			spinning := p.send("GET", "/spin", nil)
			p.arrived(1)
			if got := <-p.send("GET", "/work?ms=1", nil); got.status != "200 OK" {
				t.Errorf("the other instance: %+v", got)
			}
			if got := <-spinning; got.status != "504 Gateway Timeout" {
				t.Errorf("%+v", got)
			}
			daemontest.Eventually(t, "a replacement of the instance", func() bool {
				now := daemontest.InstancesOn(p.basePort)
				kept := slices.DeleteFunc(slices.Clone(now), func(pid int) bool { return !slices.Contains(before, pid) })
				return len(now) == 2 && len(kept) == 1
			})
			if got := p.requests("/spin"); got != 1 {
				t.Errorf("the request was tried %d times", got)
			}
		})
	}
}
