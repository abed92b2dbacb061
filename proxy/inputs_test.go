package proxy_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// input is one of the odd and hostile inputs of package http1, with the expected result.
// The test of http1 documents their format.
type input struct {
	ID, Title, Expect string
	Request, Response wire
	Want              struct {
		Accept []struct {
			Line, Framing, Body string
			Close               bool
			Drop                []string
		}
		Refuse int
	}
}

// wire is bytes, written as characters; {a x 1000} is a run of one.
type wire []byte

var run = regexp.MustCompile(`\{(.) x (\d+)\}`)

func (w *wire) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	*w = wire{}
	for _, c := range run.ReplaceAllStringFunc(text, func(s string) string {
		parts := run.FindStringSubmatch(s)
		n, _ := strconv.Atoi(parts[2])
		return strings.Repeat(parts[1], n)
	}) {
		*w = append(*w, byte(c))
	}
	return nil
}

func inputs(t *testing.T) []input {
	t.Helper()
	b, err := os.ReadFile("http1/testdata/inputs.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []input
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// probe is a request that shows that a connection is in order. It is the last one on it.
const probe = "GET /probe HTTP/1.1\nHost: probe\nConnection: close\n\n"

// elsewhere are the inputs that package http1 finds well-formed or incomplete, and that the
// proxy answers with these statuses.
var elsewhere = map[string][]int{
	"C22": {408},      // the rest of the chunk does not come
	"H41": {100, 408}, // nor does the content, though it was asked for
	"R16": {501},      // CONNECT
	"R23": {405},      // TRACE
}

// TestInputs sends every input to the proxy, and checks what the client and the
// instance get.
func TestInputs(t *testing.T) {
	t.Parallel()
	for _, in := range inputs(t) {
		if in.ID == "R26" || in.Response != nil {
			continue // TestInputPreface, TestInputResponses
		}
		t.Run(in.ID, func(t *testing.T) {
			t.Parallel()
			n, _ := sendInput(t, in, len(in.Request), overTLS).seen()
			if len(in.Want.Accept) == 0 && elsewhere[in.ID] == nil && n > 0 {
				t.Errorf("%s: %d bytes reached the instance", in.Title, n)
			}
		})
		t.Run(in.ID+" over TLS", func(t *testing.T) {
			t.Parallel()
			sendInput(t, in, 1+len(in.Request)/3, true)
		})
		if in.ID == "K04" {
			continue // the connection may be closed before all of it is sent
		}
		t.Run(in.ID+" in pieces", func(t *testing.T) {
			t.Parallel()
			sendInput(t, in, 1+len(in.Request)/300, overTLS)
		})
	}
}

// sendInput sends an input, so many bytes at a time.
func sendInput(t *testing.T, in input, step int, secure bool) *witness {
	t.Helper()
	instance := &witness{}
	options := proxy.Options{}
	if len(elsewhere[in.ID]) > 0 {
		options.BodyTimeout = 100 * time.Millisecond
	}
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, instance.talk)}, options: options, tls: secure})
	c := proxytest.Dial(t, f.address)
	for piece := range slices.Chunk(in.Request, step) {
		_, _ = c.Write(piece)
	}
	want, last := in.answers()
	if !last {
		c.Send(probe)
		want = append(want, 200)
	}
	got := responses(t, c, http.MethodGet)
	if !slices.EqualFunc(got, want, func(a answered, b int) bool { return a.status == b && !a.cut }) {
		t.Errorf("%s: got %v, want %v", in.Title, got, want)
	}
	for _, status := range want {
		if status >= 200 {
			f.recorded(t, status)
		}
	}
	f.idle(t)
	_, requests := instance.seen()
	requests = slices.DeleteFunc(requests, func(r witnessed) bool { return r.cut })
	if n := len(requests); !last && (n == 0 || requests[n-1].target != "/probe" || requests[n-1].host != "probe") {
		t.Errorf("the probe did not reach the instance: %+v", requests)
	} else if !last {
		requests = requests[:n-1]
	}
	if elsewhere[in.ID] != nil {
		in.Want.Accept = nil
	}
	proto := "http"
	if secure {
		proto = "https"
	}
	wantForwarded(t, in, requests, proto)
	return instance
}

// answers returns the statuses that an input gets, and whether the last of them
// is the last on the connection.
func (in *input) answers() (codes []int, last bool) {
	if codes := elsewhere[in.ID]; codes != nil {
		return codes, in.ID != "R23"
	}
	for _, want := range in.Want.Accept {
		codes = append(codes, 200)
		last = want.Close
	}
	if in.Want.Refuse != 0 {
		return append(codes, in.Want.Refuse), true
	}
	return codes, last
}

// wantForwarded compares what an instance got with what it should have got. The client
// spoke proto.
func wantForwarded(t *testing.T, in input, got []witnessed, proto string) {
	t.Helper()
	if len(got) != len(in.Want.Accept) {
		t.Fatalf("%d requests reached the instance, want %d: %+v", len(got), len(in.Want.Accept), got)
	}
	for i, want := range in.Want.Accept {
		r := got[i]
		host := r.host
		if _, port, _ := net.SplitHostPort(host); port != "" || proxytest.OverUnix && host == "localhost" {
			host = "" // HTTP/1.0 without one: net/http puts the instance's address
		}
		if line := r.method + " " + r.target + " " + host; line != want.Line || r.body != want.Body || r.cut || r.proto != "HTTP/1.1" {
			t.Errorf("the instance got %q with %q in %s, want %q with %q", line, r.body, r.proto, want.Line, want.Body)
		}
		if length := map[string]int64{"": 0, "sized": int64(len(want.Body)), "chunked": -1}[want.Framing]; r.length != length {
			t.Errorf("length %d, want %d", r.length, length)
		}
		for _, name := range want.Drop {
			if in.ID[0] == 'U' && len(r.header["Connection"]) == 1 && r.header.Get("Connection") == "Upgrade" && r.header.Get("Upgrade") == "websocket" {
				continue // a wish that is passed on; which, wantFields says
			}
			if v := r.header[http.CanonicalHeaderKey(name)]; v != nil {
				t.Errorf("%s: %q reached the instance", name, v)
			}
		}
		if r.trailer != nil {
			t.Errorf("trailer %v reached the instance", r.trailer)
		}
		for name, value := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": proto} {
			if v := r.header[name]; len(v) != 1 || v[0] != value {
				t.Errorf("%s: %q, want %q", name, v, value)
			}
		}
		if check := wantFields[in.ID]; check != nil && !check(r.header) {
			t.Errorf("header %q", r.header)
		}
	}
}

// wantFields is what some inputs are about.
var wantFields = map[string]func(h http.Header) bool{
	"F15": func(h http.Header) bool { return slices.Equal(h["Content-Length"], []string{"1"}) },
	"H07": func(h http.Header) bool { return h.Get("X") == "a\xffb" },
	"H35": func(h http.Header) bool { return h["X-A"] == nil && h.Get("X-B") == "1" },
	"H37": func(h http.Header) bool { return slices.Equal(h["Content-Length"], []string{"1"}) },
	"U01": func(h http.Header) bool {
		return h["Upgrade"] == nil && h["Connection"] == nil && h["Http2-Settings"] == nil
	},
	"U02": func(h http.Header) bool { return h.Get("Upgrade") == "websocket" },
	"U04": func(h http.Header) bool { return h["Upgrade"] == nil },
	"U05": func(h http.Header) bool { return h["Upgrade"] == nil && h["Connection"] == nil },
}

// TestInputPreface checks that a client that sends the preface of HTTP/2 gets HTTP/2.
func TestInputPreface(t *testing.T) {
	t.Parallel()
	for _, in := range inputs(t) {
		if in.ID != "R26" {
			continue
		}
		f := newProxy(t, setup{instances: []string{server(t, echo)}})
		for _, step := range []int{len(in.Request), 1} {
			c := proxytest.DialHTTP2(t, f.address)
			for b := range slices.Chunk(in.Request, step) {
				_, _ = c.Write(b)
			}
			frame := make([]byte, 9)
			if _, err := io.ReadFull(c.R, frame); err != nil || frame[3] != 4 {
				t.Errorf("%d bytes at a time: got frame %x, %v, want SETTINGS", step, frame, err)
			}
			_ = c.Close()
		}
	}
}
