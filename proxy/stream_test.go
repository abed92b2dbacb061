package proxy_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"testing"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestStreamEvents checks that each event arrives before the next one is sent, and the
// head before the first one.
func TestStreamEvents(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_ = http.NewResponseController(w).Flush()
		for i := range 3 {
			<-next
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
		}
	})}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		res := get(t, client, f.url)
		r := bufio.NewReader(res.Body)
		for i := range 3 {
			next <- struct{}{}
			line, err := r.ReadString('\n')
			if want := fmt.Sprintf("data: %d\n", i); line != want || err != nil {
				t.Fatalf("got %q, %v, want %q", line, err, want)
			}
			_, _ = r.ReadString('\n')
		}
		if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("end: %v", err)
		}
		f.recorded(t, 200)
		f.idle(t)
	})
}

// TestStreamBothWays checks that the response can begin before the request ends, and
// that both flow piece by piece.
func TestStreamBothWays(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		w.WriteHeader(http.StatusOK)
		_ = rc.Flush()
		buffer := make([]byte, 64)
		for {
			n, err := r.Body.Read(buffer)
			_, _ = w.Write(buffer[:n])
			_ = rc.Flush()
			if err != nil {
				return
			}
		}
	})}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		pr, pw := io.Pipe()
		res := do(t, client, newRequest(t, http.MethodPost, f.url, pr))
		got := make([]byte, 4)
		for _, piece := range []string{"ping", "pong", "quit"} {
			_, _ = io.WriteString(pw, piece)
			if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != piece {
				t.Fatalf("got %q, %v, want %q", got, err, piece)
			}
		}
		_ = pw.Close()
		if rest := readAll(t, res); rest != "" {
			t.Errorf("rest %q", rest)
		}
		f.recorded(t, 200)
		f.idle(t)
	})
}

// TestStreamInformational checks that informational responses arrive as they are sent, but
// for the fields that are for the proxy: a client of HTTP/2 must refuse these.
func TestStreamInformational(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		for c.Head() != nil {
			c.Send("HTTP/1.1 103 Early Hints\nConnection: keep-alive, X-Hop\nKeep-Alive: timeout=5\nX-Hop: 1\nUpgrade: h2c\nTrailer: x\nLink: </style.css>\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		}
	})}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		var links []string
		r := newRequest(t, http.MethodGet, f.url, nil)
		r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
				if links = append(links, fmt.Sprint(code, h["Link"])); len(h) > 1 {
					t.Errorf("the 103 has %v", h)
				}
				return nil
			},
		}))
		res := do(t, client, r)
		if body := readAll(t, res); body != "ok" || !slices.Equal(links, []string{"103 [</style.css>]"}) {
			t.Errorf("got %q after %q", body, links)
		}
		if res.Header.Get("Link") != "" {
			t.Error("the 103's Link is in the final response")
		}
	})
}
