package proxy_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// tap is a socket that keeps what is read from it.
type tap struct {
	net.Conn
	read bytes.Buffer
}

func (s *tap) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	s.read.Write(b[:n])
	return n, err
}

// TestTLSEndsWithNotify checks that a connection ends with a close_notify when its last
// response is complete, and without one when that is not.
func TestTLSEndsWithNotify(t *testing.T) {
	t.Parallel()
	const alert = 21
	for name, c := range map[string]struct {
		request, response string
		notify            bool
	}{
		"last":                {"GET / HTTP/1.1\nHost: a\nConnection: close\n\n", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", true},
		"last, pipelined":     {"GET / HTTP/1.0\nHost: a\n\nmore", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", true},
		"until close":         {"GET / HTTP/1.0\nHost: a\n\n", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n", true},
		"refused":             {"nonsense\n\n", "", true},
		"until close, broken": {"GET / HTTP/1.0\nHost: a\n\n", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{tls: true, instances: []string{proxytest.Script(t, func(p *proxytest.Peer) {
				p.Head()
				p.Send(c.response)
			})}})
			s := &tap{Conn: proxytest.DialTCP(t, f.address).Conn}
			config := proxytest.ClientTLS("http/1.1")
			config.MaxVersion = tls.VersionTLS12 // its records show their types
			client := proxytest.NewPeer(tls.Client(s, config))
			client.Send(c.request)
			client.Rest()
			last := byte(0)
			for b := s.read.Bytes(); len(b) >= 5; b = b[min(len(b), 5+int(b[3])<<8+int(b[4])):] {
				last = b[0]
			}
			if got := last == alert; got != c.notify {
				t.Errorf("the last record is of type %d; want a close_notify: %v", last, c.notify)
			}
		})
	}
}

// TestTLSSlowClient checks that a client that does not read holds the instance up, and
// that it gets all when it reads.
func TestTLSSlowClient(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	written := make(chan int, 1<<20)
	f := newProxy(t, setup{tls: true, instances: []string{server(t, func(w http.ResponseWriter, _ *http.Request) {
		block := bytes.Repeat([]byte("0123456789abcdef"), 4096)
		for n := 0; n < size; n += len(block) {
			if _, err := w.Write(block); err != nil {
				return
			}
			written <- len(block)
		}
	})}})
	c := proxytest.DialTLS(t, f.address, proxytest.ClientTLS("http/1.1"))
	c.Send("GET / HTTP/1.1\nHost: a\nConnection: close\n\n")
	total := 0
	for quiet := false; !quiet; {
		select {
		case n := <-written:
			total += n
		case <-time.After(5 * soon):
			quiet = true
		}
	}
	if total > size/2 {
		t.Errorf("%d bytes were taken from the instance", total)
	}
	res, err := http.ReadResponse(c.R, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, res); len(body) != size || strings.Trim(body, "0123456789abcdef") != "" {
		t.Errorf("%d bytes, want %d", len(body), size)
	}
	f.recorded(t, http.StatusOK)
}

// TestTLSClientGone checks that a client that resets its connection in the middle of a
// response is noticed.
func TestTLSClientGone(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{tls: true, instances: []string{server(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})}})
	c := proxytest.DialTLS(t, f.address, proxytest.ClientTLS("http/1.1"))
	c.Send("GET / HTTP/1.1\nHost: a\n\n")
	if _, err := c.R.Peek(1); err != nil {
		t.Fatal(err)
	}
	c.Reset()
	f.recorded(t, proxy.StatusClientClosed)
	f.idle(t)
}

// TestTLSRenegotiation checks that a client of TLS 1.2 that asks for another handshake is
// refused, as crypto/tls does it.
func TestTLSRenegotiation(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("there is no openssl")
	}
	f := newProxy(t, setup{tls: true, instances: []string{server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })}})
	client := exec.CommandContext(t.Context(), openssl, "s_client", "-tls1_2", "-connect", f.address)
	in, err := client.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out logBuffer
	client.Stdout, client.Stderr = &out, &out
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(in, plainGet)
	f.recorded(t, http.StatusOK)
	_, _ = io.WriteString(in, "R\n")
	_ = client.Wait() // with an error
	if got := out.String(); strings.Count(got, "HTTP/1.1 200") != 1 || !strings.Contains(got, "alert") {
		t.Errorf("openssl: %s", got)
	}
}

// TestTLSHalfClose checks that a client that ends its output with a close_notify gets its
// response.
func TestTLSHalfClose(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{tls: true, instances: []string{server(t, func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(soon) // a response that takes longer than the notice
		_, _ = io.WriteString(w, "ok")
	})}})
	c := proxytest.DialTLS(t, f.address, proxytest.ClientTLS("http/1.1"))
	c.Send("GET / HTTP/1.1\nHost: a\n\n")
	c.CloseWrite()
	wantAnswers(t, c, 1)
	if rest := c.Rest(); rest != "" {
		t.Errorf("then came %q", rest)
	}
}

// TestTLSTunnel checks that a tunnel carries bytes both ways, and the end of each.
func TestTLSTunnel(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	text := strings.Repeat("0123456789abcdef", size/16)
	f := newProxy(t, setup{tls: true, instances: []string{proxytest.Script(t, func(p *proxytest.Peer) {
		p.Head()
		p.Send("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: test\n\n")
		_, _ = io.CopyN(p, p.R, size)
		if rest := p.Rest(); rest != "the end" {
			t.Errorf("then the instance got %q", rest)
		}
		_, _ = io.WriteString(p, "bye")
	})}})
	c := proxytest.DialTLS(t, f.address, proxytest.ClientTLS("http/1.1"))
	c.Send("GET / HTTP/1.1\n" + upgradeHead)
	if head := c.Head(); len(head) == 0 || !strings.HasPrefix(head[0], "HTTP/1.1 101 ") {
		t.Fatalf("head %q", head)
	}
	go func() { // ends when all is written
		_, _ = io.WriteString(c, text+"the end")
		c.CloseWrite()
	}()
	if got := c.Rest(); got != text+"bye" {
		t.Errorf("got %d bytes, want %d", len(got), len(text)+3)
	}
	f.recorded(t, http.StatusSwitchingProtocols)
	f.drained(t)
}

// TestTLSUploadBesideResponse checks that a client that takes its response only when it
// has sent all of its content gets it.
func TestTLSUploadBesideResponse(t *testing.T) {
	t.Parallel()
	const size = 16 << 20
	f := newProxy(t, setup{tls: true, instances: []string{proxytest.Script(t, func(p *proxytest.Peer) {
		p.Head()
		read := make(chan struct{})
		go func() { // ends when all is read; waited for below
			defer close(read)
			_, _ = io.CopyN(io.Discard, p.R, size)
		}()
		p.Send("HTTP/1.1 200 OK\nContent-Length: " + strconv.Itoa(size) + "\n\n")
		_, _ = p.Write(make([]byte, size))
		<-read
	})}})
	c := proxytest.DialTLS(t, f.address, proxytest.ClientTLS("http/1.1"))
	c.Send("POST / HTTP/1.1\nHost: a\nConnection: close\nContent-Length: " + strconv.Itoa(size) + "\n\n")
	if _, err := c.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(c.R, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, res); len(body) != size {
		t.Errorf("got %d bytes, want %d", len(body), size)
	}
	f.recorded(t, http.StatusOK)
}
