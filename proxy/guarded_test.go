package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
)

// FuzzGuard: however what a client sends is cut into pieces, net/http gets from
// a guarded connection the requests that package http1 finds in the whole, and
// nothing else; and the client gets one answer if that finds something wrong.
func FuzzGuard(f *testing.F) {
	for _, seed := range []string{
		"\nGET /1 HTTP/1.1\nHost: a\n\nPOST /2 HTTP/1.1\nHost: a\nContent-Length: 3\n\nabcGET /3 HTTP/1.0\n\nGET",
		"POST /1 HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3;x\nabc\n0\nX: y\n\n\nGET /2 HTTP/1.1\nHost: b\n\nX",
		"POST /1 HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\nabcd\n",
		"GET /1 HTTP/1.1\nHost: a\n\nGET /2 HTTP/1.1\n\n",
		"PRI * HTTP/2.0\n\nSM\n\n", "PRI * HTTP/1.1\n\n", "GET / HTTP/1.1\nHost: a\nContent-Length: 9\n\nabc",
	} {
		f.Add([]byte(strings.ReplaceAll(seed, "\n", "\r\n")), uint16(1), uint16(600))
		f.Add([]byte(strings.ReplaceAll(seed, "\n", "\r\n")), uint16(30), uint16(16))
	}
	f.Fuzz(func(t *testing.T, stream []byte, piece, buffer uint16) {
		if has, may := http1.HasPreface(stream); has || may {
			return
		}
		want, refused := requestsIn(stream)
		client := &replay{stream: stream, piece: 1 + int(piece)%5000}
		var told *http1.Error
		g := newGuard(&Options{Settings: Settings{HeadTimeout: time.Hour, BodyTimeout: time.Hour}}, func(_ net.Conn, e *http1.Error, _ time.Duration) {
			told = e
		})
		c := newGuardedConn(client, g)
		got := requestsFrom(c, 16+int(buffer)%5000)
		if !slices.Equal(got, want) {
			t.Errorf("net/http gets\n%q, want\n%q", got, want)
		}
		if refused != c.violation.Load() {
			t.Errorf("violation %v, want %v", c.violation.Load(), refused)
		}
		if refused == nil && (told != nil || client.answer.Len() > 0) {
			t.Errorf("answered %q for %v", client.answer.String(), told)
		}
		if told != nil && (told != refused || !strings.HasPrefix(client.answer.String(), fmt.Sprintf("HTTP/1.1 %d ", told.Status))) {
			t.Errorf("answered %q for %v", client.answer.String(), told)
		}
	})
}

// requestsIn returns the complete requests in stream, and what is wrong after
// them.
func requestsIn(stream []byte) (list []string, refused *http1.Error) {
	r := http1.NewRequest(http1.Limits{})
	for {
		r.Reset()
		n, err := r.Parse(stream)
		if n == 0 || err != nil {
			refused, _ = err.(*http1.Error) //nolint:errorlint // Parse returns no other
			return list, refused
		}
		body := r.Body()
		var payload []byte
		for stream = stream[n:]; len(stream) > 0 && !body.Done(); stream = stream[n:] {
			var p []byte
			if n, p, err = body.Next(stream); err != nil {
				return list, err.(*http1.Error) //nolint:errorlint // nor does Next
			}
			payload = append(payload, p...)
		}
		if !body.Done() {
			return list, nil
		}
		list = append(list, fmt.Sprintf("%s %s %s %q", r.Method, r.Target, r.Host, payload))
		if !r.KeepAlive {
			return list, nil
		}
	}
}

// requestsFrom reads requests from c as net/http's server does.
func requestsFrom(c *guardedConn, buffer int) (list []string) {
	b := bufio.NewReaderSize(c, buffer)
	for {
		r, err := http.ReadRequest(b)
		if err != nil {
			return list
		}
		payload, err := io.ReadAll(r.Body)
		if err != nil {
			return list
		}
		list = append(list, fmt.Sprintf("%s %s %s %q", r.Method, r.RequestURI, r.Host, payload))
		if r.Close || r.ProtoMinor == 0 && !strings.EqualFold(r.Header.Get("Connection"), "keep-alive") {
			return list
		}
		c.next()
	}
}

// replay is a client that sends a stream in pieces, and then ends.
type replay struct {
	net.Conn
	stream []byte
	piece  int
	answer bytes.Buffer
}

func (r *replay) Read(p []byte) (int, error) {
	if len(r.stream) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.stream[:min(r.piece, len(r.stream))])
	r.stream = r.stream[n:]
	return n, nil
}

func (r *replay) Write(p []byte) (int, error)      { return r.answer.Write(p) }
func (r *replay) RemoteAddr() net.Addr             { return nil }
func (r *replay) SetReadDeadline(time.Time) error  { return nil }
func (r *replay) SetWriteDeadline(time.Time) error { return nil }
