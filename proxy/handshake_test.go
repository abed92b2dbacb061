package proxy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/handshake"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestTLS checks that clients of HTTP/1.1 and, if the config offers it, of HTTP/2 are
// served over TLS, and that instances learn that it was https.
func TestTLS(t *testing.T) {
	t.Parallel()
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		f := newProxy(t, setup{tls: true, instances: []string{server(t, echo)}})
		body := bytes.Repeat([]byte("content "), 100_000)
		for range 2 {
			r := newRequest(t, http.MethodPost, f.url+"/a?b", bytes.NewReader(body))
			r.Header.Set("X-Forwarded-Proto", "ftp")
			res := do(t, client, r)
			got := seen(t, res)
			if res.StatusCode != http.StatusOK || got.Target != "/a?b" || got.Body != string(body) {
				t.Errorf("%d: target %q, %d bytes", res.StatusCode, got.Target, len(got.Body))
			}
			if proto := got.Header.Values("X-Forwarded-Proto"); len(proto) != 1 || proto[0] != "https" {
				t.Errorf("X-Forwarded-Proto: %q, want https", proto)
			}
			f.recorded(t, http.StatusOK)
		}
	})
}

// TestTLSProtocol checks that the protocol is the one that ALPN says, and no other.
func TestTLSProtocol(t *testing.T) {
	t.Parallel()
	const preface = "PRI * HTTP/2.0\n\nSM\n\n"
	for name, c := range map[string]struct {
		server, client []string
		send, want     string // how the answer begins
	}{
		"no ALPN":               {nil, nil, "GET / HTTP/1.1\nHost: a\nConnection: close\n\n", "HTTP/1.1 200 "},
		"HTTP/1.1 by default":   {nil, []string{"h2", "http/1.1"}, "GET / HTTP/1.1\nHost: a\nConnection: close\n\n", "HTTP/1.1 200 "},
		"HTTP/2, not said":      {[]string{"h2", "http/1.1"}, []string{"http/1.1"}, preface, "HTTP/1.1 "},
		"HTTP/2":                {[]string{"h2", "http/1.1"}, []string{"h2"}, preface, "\x00\x00"},
		"HTTP/1.1, not as said": {[]string{"h2", "http/1.1"}, []string{"h2"}, "GET / HTTP/1.1\nHost: a\n\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{instances: []string{server(t, echo)}, options: proxy.Options{TLS: proxytest.ServerTLS(c.server...)}})
			client := proxytest.DialTLS(t, f.address, proxytest.ClientTLS(c.client...))
			client.Send(c.send)
			got := make([]byte, max(1, len(c.want)))
			n, err := io.ReadFull(client.R, got)
			if string(got[:n]) != c.want || c.want == "" && err == nil {
				t.Errorf("got %q, %v; want %q", got[:n], err, c.want)
			}
		})
	}
}

// TestPlainHTTPToTLS checks that a client that speaks plain HTTP to a port with TLS gets an
// answer that says so.
func TestPlainHTTPToTLS(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{tls: true, instances: []string{server(t, echo)}})
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		c := proxytest.DialTCP(t, f.address)
		c.Send(method + " / HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc")
		got := c.Rest()
		if !strings.HasPrefix(got, "HTTP/1.1 400 ") || method != "HEAD" && !strings.Contains(got, "https://") {
			t.Errorf("%s: got %q", method, got)
		}
		f.recorded(t, http.StatusBadRequest)
	}
}

// TestFailedHandshakes checks that clients that do not speak TLS are dropped, and that
// few of them are logged.
func TestFailedHandshakes(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{tls: true, instances: []string{server(t, echo)}})
	began := time.Now()
	for range 50 {
		c := proxytest.DialTCP(t, f.address)
		c.Send("\x16\x03\x01\x00\x05hello")
		c.WaitClosed()
	}
	c := proxytest.DialTCP(t, f.address) // a port scan
	_ = c.Close()
	if n := strings.Count(f.log.String(), "TLS handshake failed"); n < 1 || n > 20 && n > 2+int(time.Since(began).Seconds()) { // one a second
		t.Errorf("%d failed handshakes are in the log:\n%s", n, f.log)
	}
	if res := get(t, newClient(t, "http1"), f.url); res.StatusCode != http.StatusOK {
		t.Errorf("then got %d", res.StatusCode)
	}
}

// plainAlert is a connection of a client that rejects the certificate as OpenSSL does: with an
// alert that is not encrypted.
type plainAlert struct {
	net.Conn
	greeted bool
}

func (c *plainAlert) Write(b []byte) (int, error) {
	if c.greeted {
		_, err := c.Conn.Write([]byte{0x15, 3, 3, 0, 2, 2, 48}) // fatal, unknown_ca
		return len(b), err
	}
	c.greeted = true
	return c.Conn.Write(b)
}

// TestUntrustedCertificate checks that the log says what is the matter when a client does not
// trust the certificate, however its alert comes, and says it of no other failure.
func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	const hint = `hint="the client may not trust the certificate"`
	for name, c := range map[string]struct {
		config *tls.Config
		plain  bool
		cause  string
		hint   bool
	}{
		"Go":           {&tls.Config{ServerName: "a"}, false, "bad certificate", true},
		"Go, TLS 1.2":  {&tls.Config{ServerName: "a", MaxVersion: tls.VersionTLS12}, false, "bad certificate", true},
		"OpenSSL":      {&tls.Config{ServerName: "a"}, true, "bad record MAC", true},
		"OpenSSL, 1.2": {&tls.Config{ServerName: "a", MaxVersion: tls.VersionTLS12}, true, "unknown certificate authority", true},
		"another":      {&tls.Config{ServerName: "a", NextProtos: []string{"other"}}, false, "unsupported application protocols", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{tls: true, instances: []string{server(t, echo)}})
			conn := proxytest.DialTCP(t, f.address).Conn
			if c.plain {
				conn = &plainAlert{Conn: conn}
			}
			if err := tls.Client(conn, c.config).HandshakeContext(t.Context()); err == nil {
				t.Fatal("the client trusts the certificate")
			}
			eventually(t, "a line in the log", func() bool { return strings.Contains(f.log.String(), "TLS handshake failed") })
			if log := f.log.String(); !strings.Contains(log, c.cause) || strings.Contains(log, hint) != c.hint {
				t.Errorf("want cause %q, hint: %v; the log has: %s", c.cause, c.hint, log)
			}
		})
	}
}

// TestSilentHandshakes checks that clients that are silent during their handshake keep no
// other client out, and neither does a callback that waits for a certificate.
func TestSilentHandshakes(t *testing.T) {
	t.Parallel()
	config := proxytest.ServerTLS()
	certificate := config.Certificates[0]
	config.Certificates = nil
	release := make(chan struct{})
	asked := make(chan struct{}, 1000)
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName == "slow.example" {
			asked <- struct{}{}
			<-release
		}
		return &certificate, nil
	}
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: proxy.Options{TLS: config}})
	n := 4 * runtime.GOMAXPROCS(0)
	for range max(16, n) {
		_ = helloOnly(t, f.address, "localhost")
		_ = helloOnly(t, f.address, "slow.example")
	}
	for range max(16, n) {
		wait(t, asked, "a certificate to be asked for")
	}
	if res := get(t, newClient(t, "http1"), f.url); res.StatusCode != http.StatusOK {
		t.Errorf("got %d", res.StatusCode)
	}
	close(release)
}

// helloOnly connects and sends a ClientHello, and nothing more.
func helloOnly(t *testing.T, address, name string) net.Conn {
	t.Helper()
	c := proxytest.DialTCP(t, address)
	config := proxytest.ClientTLS()
	config.ServerName = name
	hello := &firstWrite{Conn: c.Conn}
	if err := tls.Client(hello, config).HandshakeContext(t.Context()); err == nil {
		t.Fatal("handshake done")
	}
	return c
}

// firstWrite is a connection that ends after the first write.
type firstWrite struct{ net.Conn }

func (c *firstWrite) Read([]byte) (int, error) { return 0, io.EOF }
func (c *firstWrite) Write(b []byte) (int, error) {
	if b[0] != 0x16 { // the alert that says why the handshake fails
		return len(b), nil
	}
	return c.Conn.Write(b)
}

// TestShutdownDuringHandshake checks that Shutdown waits for a handshake under way, and
// not for long.
func TestShutdownDuringHandshake(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{tls: true, instances: []string{server(t, echo)}})
	silent := helloOnly(t, f.address, "localhost")
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := f.proxy.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("Shutdown took %v", took)
	}
	_, _ = io.Copy(io.Discard, silent)
}

// TestHandshakeTime checks that a handshake is given up after handshake.Timeout, whether
// or not it has begun.
func TestHandshakeTime(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{tls: true, instances: []string{server(t, echo)}})
	began := time.Now()
	for name, c := range map[string]net.Conn{
		"silent": proxytest.DialTCP(t, f.address), "begun": helloOnly(t, f.address, "localhost"),
	} {
		_, _ = io.Copy(io.Discard, c)
		if took := time.Since(began); took < handshake.Timeout-time.Second || took > handshake.Timeout+patience/4 {
			t.Errorf("%s: closed after %v, want %v", name, took, handshake.Timeout)
		}
	}
}
