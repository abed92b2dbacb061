package http1_test

import (
	"slices"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

func TestRequestFraming(t *testing.T) {
	t.Parallel()
	const (
		badLength = "malformed Content-Length"
		badCoding = "malformed Transfer-Encoding"
		unknown   = "Transfer-Encoding other than chunked"
	)
	for _, c := range []struct {
		fields  string
		want    string
		framing http1.Framing
		length  int64
	}{
		{"", "ok", http1.NoContent, 0},
		{"Content-Length: 0\n", "ok", http1.Sized, 0},
		{"Content-Length: 007\n", "ok", http1.Sized, 7},
		{"content-length:\t9223372036854775807 \n", "ok", http1.Sized, 1<<63 - 1},
		{"Content-Length: 00000000000000000000000000000001\n", "ok", http1.Sized, 1},
		{"Content-Length: 9223372036854775808\n", badLength, 0, 0},
		{"Content-Length: 18446744073709551617\n", badLength, 0, 0},
		{"Content-Length:\n", badLength, 0, 0},
		{"Content-Length: +1\n", badLength, 0, 0},
		{"Content-Length: -0\n", badLength, 0, 0},
		{"Content-Length: 1_0\n", badLength, 0, 0},
		{"Content-Length: 1e1\n", badLength, 0, 0},
		{"Content-Length: 0x1\n", badLength, 0, 0},
		{"Content-Length: 1,1\n", badLength, 0, 0},
		{"Content-Length: 1.\n", badLength, 0, 0},
		{"Content-Length: \xb2\n", badLength, 0, 0},
		{"Content-Length: 1\nX: y\nCONTENT-LENGTH: 1\n", "more than one Content-Length", 0, 0},
		{"Transfer-Encoding: chunked\n", "ok", http1.Chunked, 0},
		{"Transfer-Encoding: cHuNkEd\t\n", "ok", http1.Chunked, 0},
		{"Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n", "more than one Transfer-Encoding", 0, 0},
		{"Transfer-Encoding: gzip\nTransfer-Encoding: chunked\n", badCoding, 0, 0},
		{"Transfer-Encoding: gzip, chunked\n", unknown, 0, 0},
		{"Transfer-Encoding: br,gzip ,\tchunked\n", unknown, 0, 0},
		{"Transfer-Encoding: chunked, chunked\n", badCoding, 0, 0},
		{"Transfer-Encoding: chunked, gzip\n", badCoding, 0, 0},
		{"Transfer-Encoding: chunked,\n", badCoding, 0, 0},
		{"Transfer-Encoding: ,chunked\n", badCoding, 0, 0},
		{"Transfer-Encoding: chunked;x\n", badCoding, 0, 0},
		{"Transfer-Encoding: gzip;x=y, chunked\n", badCoding, 0, 0},
		{"Transfer-Encoding: \"chunked\"\n", badCoding, 0, 0},
		{"Transfer-Encoding: \xa0chunked\n", badCoding, 0, 0},
		{"Transfer-Encoding: identity\n", badCoding, 0, 0},
		{"Transfer-Encoding: chunke\n", badCoding, 0, 0},
		{"Transfer-Encoding:\n", badCoding, 0, 0},
		{"Transfer-Encoding: chunked\nContent-Length: 0\n", "both Transfer-Encoding and Content-Length", 0, 0},
		{"Content-Length: 0\nTransfer-Encoding: chunked\n", "both Transfer-Encoding and Content-Length", 0, 0},
		{"Transfer_Encoding: chunked\nContent-Length: 1\n", "ok", http1.Sized, 1},
		{"Transfer-Encodin: chunked\n", "ok", http1.NoContent, 0},
		{"Trailer: x, , y\n", "ok", http1.NoContent, 0},
		{"Trailer: x, content-length\n", "Trailer names a field that frames the message", 0, 0},
		{"Trailer: transfer-encoding\n", "Trailer names a field that frames the message", 0, 0},
		{"Trailer: x,Trailer\n", "Trailer names a field that frames the message", 0, 0},
	} {
		r, n, err := parseRequest(t, http1.Limits{}, "GET / HTTP/1.1\nHost: a\n"+c.fields+"\n")
		if got := verdict(n, err); got != c.want {
			t.Errorf("%q: %s, want %s", c.fields, got, c.want)
		} else if err == nil && (r.Framing != c.framing || r.Length != c.length) {
			t.Errorf("%q: framing %d, length %d", c.fields, r.Framing, r.Length)
		}
	}
	if _, n, err := parseRequest(t, http1.Limits{}, "GET / HTTP/1.0\nTransfer-Encoding: chunked\n\n"); verdict(n, err) != "Transfer-Encoding in HTTP/1.0" {
		t.Errorf("Transfer-Encoding in HTTP/1.0: %s", verdict(n, err))
	}
}

func TestRequestPersistence(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		minor, fields string
		want          bool
	}{
		{"1", "", true},
		{"2", "", true},
		{"1", "Connection: keep-alive\n", true},
		{"1", "Connection: Close\n", false},
		{"1", "Connection: x ,\tclose\n", false},
		{"1", "Connection: keep-alive, close\n", false},
		{"1", "Connection: keep-alive\nX: y\nConnection: close\n", false},
		{"1", "Connection: closed\n", true},
		{"1", "Proxy-Connection: close\n", true},
		{"0", "", false},
		{"0", "Connection: Keep-Alive\n", true},
		{"0", "Connection: keep-alive, close\n", false},
		{"0", "Proxy-Connection: keep-alive\n", false},
	} {
		r, n, err := parseRequest(t, http1.Limits{}, "GET / HTTP/1."+c.minor+"\nHost: a\n"+c.fields+"\n")
		if n == 0 || r.KeepAlive != c.want {
			t.Errorf("HTTP/1.%s %q: %v, %t, want %t", c.minor, c.fields, err, r.KeepAlive, c.want)
		}
	}
	for _, value := range []string{"a b", "\"close\"", "close;", "(x)", "a/b", "\xe9"} {
		if _, n, err := parseRequest(t, http1.Limits{}, "GET / HTTP/1.1\nHost: a\nConnection: "+value+"\n\n"); verdict(n, err) != "malformed Connection" {
			t.Errorf("Connection %q: %s", value, verdict(n, err))
		}
	}
}

// TestDrop: the fields that must not be passed on, and those that Connection cannot
// remove.
func TestDrop(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fields string
		want   []string
	}{
		{"Connection: X-A\nX-A: 1\nX-B: 1\n", []string{"Connection", "X-A"}},
		{"X-A: 1\nx-a: 2\nConnection: x-A\n", []string{"X-A", "x-a", "Connection"}},
		{"Connection: a\nConnection: , b ,c\nA: 1\nB: 1\nC: 1\nD: 1\n", []string{"Connection", "Connection", "A", "B", "C"}},
		{"Connection: close, keep-alive\nclose: 1\nkeep-alive: 1\n", []string{"Connection", "keep-alive"}},
		{"X_A: 1\n_: 1\nX-A: 1\n", []string{"X_A", "_"}},
		{
			"Connection: host, content-length, content-type, X-Forwarded-For, x-forwarded-proto, x-forwarded-port, forwarded, x-real-ip\n" +
				"Content-Length: 0\nContent-Type: a/b\nX-Forwarded-For: 1\nX-Forwarded-Proto: a\nX-Forwarded-Port: 1\nForwarded: for=a\nX-Real-IP: 1\n",
			[]string{"Connection"},
		},
		{"Connection: authorization, cookie\nCookie: a\nAuthorization: b\n", []string{"Connection", "Cookie", "Authorization"}},
		{"TE: trailers\nTrailer: x\nUpgrade: h2c\nHTTP2-Settings: x\nProxy-Authenticate: x\n", []string{"TE", "Trailer", "Upgrade", "HTTP2-Settings", "Proxy-Authenticate"}},
	} {
		r, n, err := parseRequest(t, http1.Limits{}, "GET / HTTP/1.1\nHost: a\n"+c.fields+"\n")
		if got := dropped(r.Fields); n == 0 || !slices.Equal(got, c.want) {
			t.Errorf("%q: %v, dropped %q, want %q", c.fields, err, got, c.want)
		}
	}
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	const wish = "Connection: upgrade\n"
	for _, c := range []struct{ minor, fields, verdict, upgrade string }{
		{"1", wish + "Upgrade: websocket\n", "ok", "websocket"},
		{"1", "Connection: x, Upgrade\nUpgrade: a/1.0, b\n", "ok", "a/1.0, b"},
		{"1", wish + "Upgrade: a\nContent-Length: 0\n", "ok", "a"},
		{"1", wish, "ok", ""},
		{"1", "Upgrade: websocket\n", "ok", ""},
		{"0", wish + "Upgrade: websocket\n", "ok", ""},
		{"1", wish + "Upgrade: h2c\n", "ok", ""},
		{"1", wish + "Upgrade: websocket, H2C\n", "ok", ""},
		{"1", wish + "Upgrade: websocket, h2c/1\n", "ok", ""},
		{"1", wish + "Upgrade: a\nContent-Length: 1\n", "ok", ""},
		{"1", wish + "Upgrade: a\nTransfer-Encoding: chunked\n", "ok", ""},
		{"1", wish + "Upgrade:\n", "malformed Upgrade", ""},
		{"1", wish + "Upgrade: a b\n", "malformed Upgrade", ""},
		{"1", wish + "Upgrade: a/\n", "malformed Upgrade", ""},
		{"1", wish + "Upgrade: a,\n", "malformed Upgrade", ""},
		{"1", "Upgrade: \"a\"\n", "malformed Upgrade", ""},
		{"1", wish + "Upgrade: a\nUpgrade: b\n", "more than one Upgrade", ""},
	} {
		r, n, err := parseRequest(t, http1.Limits{}, "GET / HTTP/1."+c.minor+"\nHost: a\n"+c.fields+"\n")
		if got := verdict(n, err); got != c.verdict || string(r.Upgrade) != c.upgrade {
			t.Errorf("HTTP/1.%s %q: %s, upgrade %q, want %s, %q", c.minor, c.fields, got, r.Upgrade, c.verdict, c.upgrade)
		}
	}
}
