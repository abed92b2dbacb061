package forward_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/textproto"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
)

// FuzzRequest: what is forwarded of a request, net/http and http1 read as the same
// request, with the same content and no field that must not pass.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"GET /a?b HTTP/1.1\nHost: a\nCookie: b\nConnection: close, Cookie\n\n",
		"GET http://a?b HTTP/1.0\nX-Forwarded-For: 1.1.1.1\nX-Forwarded-For: 2.2.2.2\nX-Forwarded-Host:\n\n",
		"GET / HTTP/1.0\nForwarded: for=a\nX-Real-IP: b\nX-Forwarded-Proto: c\n\n",
		"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTE: trailers\nTrailer: X\n\n1\na\n0\nX: 1\n\n",
		"POST / HTTP/1.1\nHost: a\nContent-Length: 003\nExpect: 100-continue\nX_Y: 1\n\nabc",
		"GET / HTTP/1.1\nHost: a\nConnection: upgrade\nUpgrade: websocket, foo\n\n",
		"OPTIONS * HTTP/1.1\nHost: [::1]:80\nX-Forwarded-Port: 1\n\n",
	} {
		f.Add(wire(seed), "1.2.3.4", true)
		f.Add(wire(seed), "", false)
	}
	f.Fuzz(func(t *testing.T, message []byte, ip string, trusted bool) {
		r := http1.NewRequest(http1.Limits{})
		n, err := r.Parse(message)
		if n == 0 || err != nil || string(r.Method) == "CONNECT" || !plain(ip) {
			return
		}
		from := forward.Peer{IP: ip, Trusted: trusted, Scheme: "https"}
		head, marks := forward.AppendRequest(nil, r, from)
		if size := forward.RequestSize(r, n, from); len(head) > size {
			t.Errorf("head of %d bytes, RequestSize says %d", len(head), size)
		}
		if marks.Host.IsSet() != (len(r.Host) == 0) || marks.Upgrade.IsSet() != (r.Upgrade != nil) {
			t.Errorf("marks %+v for host %q, upgrade %q", marks, r.Host, r.Upgrade)
		}
		if marks.Host.IsSet() {
			head = forward.InsertHost(nil, head, &marks, "instance")
		}
		body := r.Body()
		payload, _, err := forward.Decode(&body, bytes.Clone(message[n:]), nil)
		if err != nil || !body.Done() {
			return
		}
		stream := forward.AppendContent(bytes.Clone(head), payload, r.Framing == http1.Chunked, true)
		sameRequest(t, r, stream, payload, from)
	})
}

// plain reports whether an IP address can be in a field.
func plain(ip string) bool {
	return len(ip) < 100 && !strings.ContainsFunc(ip, func(c rune) bool { return c <= ' ' || c > '~' })
}

// sameRequest compares what net/http reads of a forwarded request with the original.
func sameRequest(t *testing.T, r *http1.Request, stream, payload []byte, from forward.Peer) {
	t.Helper()
	source := bufio.NewReader(bytes.NewReader(stream))
	got, err := http.ReadRequest(source)
	if err != nil {
		t.Fatalf("net/http refuses what is forwarded: %v\n%q", err, stream)
	}
	path := string(r.Path)
	if path == "" || path[0] == '?' {
		path = "/" + path
	}
	host := string(r.Host)
	if host == "" {
		host = "instance"
	}
	if got.Method != string(r.Method) || got.RequestURI != path || got.Host != host || got.Proto != "HTTP/1.1" {
		t.Errorf("%s %s for %s in %s, want %s %s for %s", got.Method, got.RequestURI, got.Host, got.Proto, r.Method, path, host)
	}
	content, err := io.ReadAll(got.Body)
	if err != nil || !bytes.Equal(content, payload) || source.Buffered() > 0 {
		t.Errorf("content %q, %v, %d bytes more; want %q", content, err, source.Buffered(), payload)
	}
	if got, want := passing(got.Header), wantRequest(r, from); !reflect.DeepEqual(got, want) {
		t.Errorf("fields %q, want %q", got, want)
	}
}

// passing returns a header without the fields that net/http removes or rewrites.
func passing(h http.Header) http.Header {
	for _, name := range []string{"Host", "Transfer-Encoding", "Content-Length", "Trailer", "Cache-Control"} {
		h.Del(name)
	}
	return h
}

// wantRequest is the rule for the fields of a request, in other words than those of
// the package.
func wantRequest(r *http1.Request, from forward.Peer) http.Header {
	all := headerOf(r.Fields)
	h := withoutHop(all, all["Connection"])
	for name := range h {
		vouched := name == "Forwarded" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") && len(name) > len("X-Forwarded-")
		if strings.Contains(name, "_") || vouched && !from.Trusted {
			delete(h, name)
		}
	}
	believed := func(name, otherwise string) string {
		if v := all.Get(name); from.Trusted && v != "" {
			return v
		}
		return otherwise
	}
	h.Set("X-Forwarded-Host", believed("X-Forwarded-Host", string(r.Host)))
	h.Set("X-Forwarded-Proto", believed("X-Forwarded-Proto", from.Scheme))
	chain := []string{from.IP}
	if from.Trusted {
		chain = slices.Concat(all["X-Forwarded-For"], chain)
	}
	h.Del("X-Forwarded-For")
	if from.IP != "" {
		h.Set("X-Forwarded-For", strings.Join(chain, ", "))
	}
	for _, list := range all["Te"] {
		for coding := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.Trim(coding, " \t"), "trailers") {
				h.Set("Te", "trailers")
			}
		}
	}
	if r.Upgrade != nil {
		h.Set("Connection", "Upgrade")
		h.Set("Upgrade", string(r.Upgrade))
	}
	return passing(h)
}

// headerOf returns fields as net/http has them.
func headerOf(fields []http1.Field) http.Header {
	h := http.Header{}
	for _, f := range fields {
		key := textproto.CanonicalMIMEHeaderKey(string(f.Name))
		h[key] = append(h[key], string(f.Value))
	}
	return h
}

// withoutHop returns a header without the fields of one hop: the known ones, and
// those that Connection names.
func withoutHop(h http.Header, connection []string) http.Header {
	h = h.Clone()
	for _, list := range connection {
		for name := range strings.SplitSeq(list, ",") {
			name = textproto.CanonicalMIMEHeaderKey(strings.Trim(name, " \t"))
			if name != "" && !http1.Permanent([]byte(name)) {
				delete(h, name)
			}
		}
	}
	for _, name := range []string{
		"Connection", "Http2-Settings", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade",
	} {
		delete(h, name)
	}
	return h
}
