package http1_test

import (
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

func TestStatusLine(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"HTTP/1.1 200 OK":              "ok",
		"HTTP/1.0 200 Very\tWell \xe9": "ok",
		"HTTP/1.1 999 ":                "ok",
		"HTTP/1.1 200":                 "ok",
		"HTTP/1.7 200 OK":              "ok",
		"HTTP/1.1 099 X":               "malformed status line",
		"HTTP/1.1 99 X":                "malformed status line",
		"HTTP/1.1 2000 X":              "malformed status line",
		"HTTP/1.1 20x X":               "malformed status line",
		"HTTP/1.1 2 0 X":               "malformed status line",
		"HTTP/1.1  200 X":              "malformed status line",
		"HTTP/1.1\t200 X":              "malformed status line",
		"HTTP/1.1 200\tOK":             "malformed status line",
		"HTTP/1.1 200 O\x00K":          "malformed status line",
		"HTTP/1.1 200 O\x7fK":          "malformed status line",
		"HTTP/1.1 200 O\rK":            "CR without LF",
		"HTTP/2.0 200 OK":              "HTTP version is not supported",
		"HTTP/1 200 OK":                "malformed HTTP version",
		"ICY 200 OK":                   "malformed HTTP version",
		"http/1.1 200 OK":              "malformed HTTP version",
		" HTTP/1.1 200 OK":             "malformed HTTP version",
		"\nHTTP/1.1 200 OK":            "malformed HTTP version",
	} {
		r := http1.NewResponse(http1.Limits{})
		n, err := r.Parse(wireText(line + "\nContent-Length: 0\n\n"))
		if got := verdict(n, err); got != want || err != nil && status(t, err) != 502 {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
	r := http1.NewResponse(http1.Limits{})
	if n, err := r.Parse([]byte("HTTP/1.1 200 OK\n\n")); verdict(n, err) != "LF without CR" {
		t.Errorf("bare LF: %s", verdict(n, err))
	}
	r.Reset(false, false)
	_, _ = r.Parse(wireText("HTTP/1.1 404 Not  Here\n\n"))
	if r.Status != 404 || string(r.Reason) != "Not  Here" {
		t.Errorf("%d %q", r.Status, r.Reason)
	}
}

func TestResponseFraming(t *testing.T) {
	t.Parallel()
	const (
		get  = false
		head = true
	)
	for _, c := range []struct {
		head    bool
		text    string
		want    string
		framing http1.Framing
		persist bool
	}{
		{get, "1.1 200 OK\nContent-Length: 5\n", "ok", http1.Sized, true},
		{get, "1.1 200 OK\nTransfer-Encoding: chunked\n", "ok", http1.Chunked, true},
		{get, "1.1 200 OK\nTransfer-Encoding: chunked\nConnection: close\n", "ok", http1.Chunked, false},
		{get, "1.1 200 OK\n", "ok", http1.UntilClose, false},
		{get, "1.0 200 OK\nContent-Length: 5\n", "ok", http1.Sized, false},
		{get, "1.0 200 OK\nContent-Length: 5\nConnection: keep-alive\n", "ok", http1.Sized, true},
		{get, "1.0 200 OK\nTransfer-Encoding: chunked\n", "Transfer-Encoding in HTTP/1.0", 0, false},
		{get, "1.1 200 OK\nTransfer-Encoding: gzip, chunked\n", "Transfer-Encoding other than chunked", 0, false},
		{get, "1.1 200 OK\nTransfer-Encoding: gzip\n", "malformed Transfer-Encoding", 0, false},
		{get, "1.1 200 OK\nTransfer-Encoding: chunked\nContent-Length: 1\n", "both Transfer-Encoding and Content-Length", 0, false},
		{get, "1.1 200 OK\nContent-Length: 1\nContent-Length: 1\n", "more than one Content-Length", 0, false},
		{get, "1.1 200 OK\nContent-Length: 1,1\n", "malformed Content-Length", 0, false},
		{head, "1.1 200 OK\nContent-Length: 5\n", "ok", http1.NoContent, true},
		{head, "1.1 200 OK\nTransfer-Encoding: chunked\n", "ok", http1.NoContent, true},
		{head, "1.1 200 OK\n", "ok", http1.NoContent, true},
		{head, "1.1 200 OK\nContent-Length: x\n", "malformed Content-Length", 0, false},
		{get, "1.1 304 NM\nContent-Length: 5\n", "ok", http1.NoContent, true},
		{get, "1.1 204 NC\n", "ok", http1.NoContent, true},
		{get, "1.1 204 NC\nContent-Length: 0\n", "ok", http1.NoContent, true},
		{get, "1.1 204 NC\nContent-Length: 1\n", "ok", http1.NoContent, false},
		{get, "1.1 204 NC\nTransfer-Encoding: chunked\n", "ok", http1.NoContent, false},
		{get, "1.1 103 EH\nLink: x\n", "ok", http1.NoContent, true},
		{get, "1.1 100 C\nContent-Length: 0\n", "ok", http1.NoContent, true},
		{get, "1.1 100 C\nContent-Length: 1\n", "informational response with content", 0, false},
		{get, "1.1 103 C\nTransfer-Encoding: chunked\n", "informational response with content", 0, false},
	} {
		r := http1.NewResponse(http1.Limits{})
		r.Reset(c.head, false)
		n, err := feed(wireText("HTTP/"+c.text+"\n"), 5, r.Parse)
		if got := verdict(n, err); got != c.want || err != nil && status(t, err) != 502 {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
			continue
		}
		body := r.Body()
		if err == nil && (r.Framing != c.framing || r.KeepAlive != c.persist || body.Done() != (c.framing == http1.NoContent)) {
			t.Errorf("%q: framing %d, keep-alive %t, done %t", c.text, r.Framing, r.KeepAlive, body.Done())
		}
		if r.Status/100 == 1 && !r.Informational() || r.Status >= 200 && r.Informational() {
			t.Errorf("%q: informational %t", c.text, r.Informational())
		}
	}
}

// TestSwitch: a 101 is accepted only in answer to a request to switch.
func TestSwitch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		asked      bool
		text, want string
	}{
		{true, "HTTP/1.1 101 SP\nConnection: Upgrade\nUpgrade: websocket\n", "ok"},
		{false, "HTTP/1.1 101 SP\nConnection: Upgrade\nUpgrade: websocket\n", "switched to a protocol that was not asked for"},
		{true, "HTTP/1.1 101 SP\nUpgrade: websocket\n", "switched to a protocol that was not asked for"},
		{true, "HTTP/1.1 101 SP\nConnection: Upgrade\n", "switched to a protocol that was not asked for"},
		{true, "HTTP/1.0 101 SP\nConnection: Upgrade\nUpgrade: websocket\n", "switched to a protocol that was not asked for"},
		{true, "HTTP/1.1 101 SP\nConnection: Upgrade\nUpgrade: websocket\nContent-Length: 2\n", "informational response with content"},
	} {
		r := http1.NewResponse(http1.Limits{})
		r.Reset(false, c.asked)
		n, err := feed(wireText(c.text+"\n"), 5, r.Parse)
		if got := verdict(n, err); got != c.want {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
		}
		if err == nil && (string(r.Upgrade) != "websocket" || r.Informational()) {
			t.Errorf("%q: upgrade %q, informational %t", c.text, r.Upgrade, r.Informational())
		}
	}
}

// TestResponseFields: a response may have underscores in its names, and apart from
// that the same fields are dropped as in a request.
func TestResponseFields(t *testing.T) {
	t.Parallel()
	r := http1.NewResponse(http1.Limits{})
	r.Reset(false, false)
	if _, err := r.Parse(wireText("HTTP/1.1 200 OK\nX_A: 1\nHost: a\nHost: b\nExpect: x\nConnection: x-b\nX-B: 1\nKeep-Alive: 5\nContent-Length: 0\n\n")); err != nil {
		t.Fatal(err)
	}
	if got := dropped(r.Fields); len(got) != 3 || got[0] != "Connection" || got[1] != "X-B" || got[2] != "Keep-Alive" {
		t.Errorf("dropped %q", got)
	}
}
