package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// scripted returns the address of a server that reads the head of a request, answers it
// with text, and then closes the connection or waits for the client to do so.
func scripted(t *testing.T, text string, closes bool) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() { // ends with the listener
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { // ends with the connection
				defer c.Close()
				in := bufio.NewReader(c)
				for line := ""; line != "\r\n"; {
					if line, err = in.ReadString('\n'); err != nil {
						return
					}
				}
				_, _ = io.WriteString(c, text)
				if !closes {
					_, _ = io.Copy(io.Discard, in)
				}
			}()
		}
	}()
	return listener.Addr().String()
}

const response = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n"

func TestProbes(t *testing.T) {
	t.Parallel()
	idle := func(address string) string {
		text, _ := probeIdle(address, 200*time.Millisecond)
		return text
	}
	for _, test := range []struct {
		name, text string
		closes     bool
		probe      func(string) string
		want       string
	}{
		{"idle", response + "\r\n" + hello, false, idle, "over 0 s"},
		{"closes", response + "Connection: close\r\n\r\n" + hello, true, idle, "none: closes after each response"},
		{"closes silently", response + "\r\n" + hello, true, idle, "none: closes after each response, without `Connection: close`"},
		{"head", response + "\r\n", false, probeHead, "no"},
		{"content after head", response + "\r\n" + hello, false, probeHead, "**yes**, and keeps the connection"},
		{"content, then the end", response + "\r\n" + hello, true, probeHead, "**yes**, then closes"},
		{"trailers refused", "HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\n\r\n", false, probeTrailers, "refused: 411"},
		{"trailers cut", "", true, probeTrailers, "closes the connection without a response"},
		{"content lost", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n0\n", false, probeTrailers, "**wrong content**: the app reads 0 bytes of 5"},
		{
			"trailer is a request", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n5\nHTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
			false, probeTrailers, "accepted; the next request on the connection gets 400",
		},
		{"no 100", "HTTP/1.1 417 Expectation Failed\r\n\r\n", true, probeExpect, "answers HTTP/1.1 417 Expectation Failed"},
		{"twice 100", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n5\n", false, probeExpect, "100, twice"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := test.probe(scripted(t, test.text, test.closes)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// TestAnswer runs the probes with the Go server of the table.
func TestAnswer(t *testing.T) {
	t.Parallel()
	live := httptest.NewServer(http.HandlerFunc(answer))
	defer live.Close()
	address := live.Listener.Addr().String()
	for what, got := range map[string]string{"no": probeHead(address), "accepted": probeTrailers(address), "100": probeExpect(address)} {
		if got != what {
			t.Errorf("got %q, want %q", got, what)
		}
	}
}

func TestPageGetsItsTable(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(page, []byte("before\n"+tableBegin+"old\n"+tableEnd+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := server{name: "Foo", command: []string{"foo", "-t", "8", "{port}"}}
	if err := rewrite(page, table([]server{s}, []result{{version: "1.2", idle: "5.0 s"}})); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(page)
	text := string(data)
	if err != nil || !strings.HasPrefix(text, "before\n") || !strings.HasSuffix(text, "after\n") || strings.Contains(text, "old") ||
		!strings.Contains(text, "| Foo | 1.2 | `[foo, -t, \"8\", \"{port}\"]` | 5.0 s |") {
		t.Errorf("got %v, %s", err, text)
	}
	if err := rewrite(filepath.Join(t.TempDir(), "none.md"), ""); err == nil {
		t.Error("a page that does not exist was written")
	}
}

// TestPageHasEveryServer compares the page with the list.
func TestPageHasEveryServer(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../docs/servers.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if row := "| " + s.name + " | "; !strings.Contains(string(data), row) || !strings.Contains(string(data), s.line()) {
			t.Errorf("the page has no row of %s with the command %s", s.name, s.line())
		}
	}
}
