package forward_test

import (
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/forward"
)

// forwarded is what AppendRequest adds about a client at 1.2.3.4 that asks for a.
const forwarded = "X-Forwarded-For: 1.2.3.4\nX-Forwarded-Host: a\nX-Forwarded-Proto: http\n"

// TestAppendRequest is the rule for each part of a request, case by case.
func TestAppendRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, head, want string }{
		{
			"a plain GET",
			"GET /a?b HTTP/1.1\nHost: a\nAccept: */*\n\n",
			"GET /a?b HTTP/1.1\nHost: a\nAccept: */*\n" + forwarded + "\n",
		},
		{
			"names keep their case, fields their order, and empty ones stay",
			"GET / HTTP/1.1\nx-A:1\nHOST: a\nx-a: 2\nX-Empty:\n\n",
			"GET / HTTP/1.1\nHost: a\nx-A: 1\nx-a: 2\nX-Empty: \n" + forwarded + "\n",
		},
		{
			"HTTP/1.0 becomes HTTP/1.1",
			"GET / HTTP/1.0\nHost: a\nConnection: keep-alive\n\n",
			"GET / HTTP/1.1\nHost: a\n" + forwarded + "\n",
		},
		{
			"a target is not decoded",
			"GET //a/%2e%2e/%41?%%% HTTP/1.1\nHost: a\n\n",
			"GET //a/%2e%2e/%41?%%% HTTP/1.1\nHost: a\n" + forwarded + "\n",
		},
		{
			"an absolute target becomes a path, and its authority the host",
			"GET http://a/b?c HTTP/1.1\nHost: other\n\n",
			"GET /b?c HTTP/1.1\nHost: a\n" + forwarded + "\n",
		},
		{
			"an absolute target without a path gets one",
			"GET http://a?c HTTP/1.1\nHost: a\n\n",
			"GET /?c HTTP/1.1\nHost: a\n" + forwarded + "\n",
		},
		{
			"OPTIONS of a whole server",
			"OPTIONS http://a HTTP/1.1\nHost: a\n\n",
			"OPTIONS * HTTP/1.1\nHost: a\n" + forwarded + "\n",
		},
		{
			"a length has one spelling",
			"POST / HTTP/1.1\nHost: a\nCONTENT-LENGTH: 007\n\n",
			"POST / HTTP/1.1\nHost: a\nCONTENT-LENGTH: 7\n" + forwarded + "\n",
		},
		{
			"a length of 0 stays",
			"POST / HTTP/1.1\nHost: a\nContent-Length: 0\n\n",
			"POST / HTTP/1.1\nHost: a\nContent-Length: 0\n" + forwarded + "\n",
		},
		{
			"chunked content stays chunked, trailers are not announced",
			"POST / HTTP/1.1\nHost: a\ntransfer-encoding: Chunked\nTrailer: X\n\n",
			"POST / HTTP/1.1\nHost: a\n" + forwarded + "Transfer-Encoding: chunked\n\n",
		},
		{
			"an expectation passes",
			"POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 1\n\n",
			"POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 1\n" + forwarded + "\n",
		},
		{
			"hop-by-hop fields do not pass",
			"GET / HTTP/1.1\nHost: a\nConnection: close\nKeep-Alive: timeout=5\nProxy-Connection: close\nProxy-Authorization: x\nProxy-Authenticate: x\nHTTP2-Settings: x\n\n",
			"GET / HTTP/1.1\nHost: a\n" + forwarded + "\n",
		},
		{
			"fields that Connection names do not pass, beside close either",
			"GET / HTTP/1.1\nHost: a\nX-A: 1\nx-b: 2\nConnection: close, x-a\nCookie: c\nConnection: X-B,,cookie\n\n",
			"GET / HTTP/1.1\nHost: a\n" + forwarded + "\n",
		},
		{
			"Connection cannot remove the host, nor what describes the content",
			"POST / HTTP/1.1\nHost: a\nConnection: Host, Content-Length, Content-Type, Content-Encoding\nContent-Type: b\nContent-Encoding: c\nContent-Length: 1\n\n",
			"POST / HTTP/1.1\nHost: a\nContent-Type: b\nContent-Encoding: c\nContent-Length: 1\n" + forwarded + "\n",
		},
		{
			"fields with an underscore do not pass",
			"GET / HTTP/1.1\nHost: a\nX_Forwarded_For: 9.9.9.9\nX-Api_Key: 1\n_: 2\n\n",
			"GET / HTTP/1.1\nHost: a\n" + forwarded + "\n",
		},
		{
			"of TE only trailers passes, once",
			"GET / HTTP/1.1\nHost: a\nTE: gzip;q=0.5 , Trailers\nTE: trailers\n\n",
			"GET / HTTP/1.1\nHost: a\nTE: trailers\n" + forwarded + "\n",
		},
		{
			"TE without trailers does not pass",
			"GET / HTTP/1.1\nHost: a\nTE: gzip\nTE:\nTE: trailers;q=1\nConnection: TE\n\n",
			"GET / HTTP/1.1\nHost: a\n" + forwarded + "\n",
		},
		{
			"an unknown method is the instance's to judge",
			"get-it / HTTP/1.1\nHost: a\n\n",
			"get-it / HTTP/1.1\nHost: a\n" + forwarded + "\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			from := forward.Peer{IP: "1.2.3.4", Scheme: "http"}
			r := parseRequest(t, c.head)
			got, marks := forward.AppendRequest(nil, r, from)
			if text(got) != c.want {
				t.Errorf("got\n%s\nwant\n%s", text(got), c.want)
			}
			if marks.Host.IsSet() || marks.Upgrade.IsSet() {
				t.Errorf("marks %+v", marks)
			}
			if size := forward.RequestSize(r, len(wire(c.head)), from); len(got) > size {
				t.Errorf("%d bytes, RequestSize says %d", len(got), size)
			}
		})
	}
}

// TestPath: a path is as it was sent, and has no query.
func TestPath(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"GET /": "/", "GET //a/%2f?b?c": "//a/%2f", "GET /?": "/", "OPTIONS *": "*", "OPTIONS http://a": "*",
		"GET http://a": "/", "GET http://a?b": "/", "GET http://a/b/?c": "/b/", "CONNECT a:1": "",
	} {
		if got := forward.Path(parseRequest(t, line+" HTTP/1.1\nHost: a\n\n")); string(got) != want {
			t.Errorf("%s: path %q, want %q", line, got, want)
		}
	}
}

// TestInsertHost: a client that names no host gets that of the instance, of each one
// in turn.
func TestInsertHost(t *testing.T) {
	t.Parallel()
	r := parseRequest(t, "GET / HTTP/1.0\nAccept: b\n\n")
	head, marks := forward.AppendRequest(nil, r, forward.Peer{Scheme: "http"})
	const rest = "Accept: b\nX-Forwarded-Host: \nX-Forwarded-Proto: http\n\n"
	if text(head) != "GET / HTTP/1.1\n"+rest || !marks.Host.IsSet() {
		t.Fatalf("got\n%s with %+v", text(head), marks)
	}
	for _, host := range []string{"127.0.0.1:5001", "[::1]:5002", "a"} {
		head = forward.InsertHost(nil, head, &marks, host)
		if want := "GET / HTTP/1.1\nHost: " + host + "\n" + rest; text(head) != want {
			t.Errorf("got\n%s\nwant\n%s", text(head), want)
		}
	}
}

// TestInsertHostMovesUpgrade: what the client asked for is found behind the host. No
// client can ask so, as only HTTP/1.0 goes without a host; the marks are right anyway.
func TestInsertHostMovesUpgrade(t *testing.T) {
	t.Parallel()
	r := parseRequest(t, "GET / HTTP/1.1\nHost: a\nConnection: upgrade\nUpgrade: b\n\n")
	r.Host = nil
	head, marks := forward.AppendRequest(nil, r, forward.Peer{Scheme: "http"})
	for _, host := range []string{"long.example", "b"} {
		head = forward.InsertHost(nil, head, &marks, host)
		if got := string(marks.Upgrade.Of(head)); got != "b" {
			t.Errorf("host %s: the client asked for %q, want b", host, got)
		}
	}
}

// TestAppends: what was there before stays, and the marks count from there.
func TestAppends(t *testing.T) {
	t.Parallel()
	r := parseRequest(t, "GET / HTTP/1.1\nHost: a\nConnection: upgrade\nUpgrade: b\n\n")
	head, marks := forward.AppendRequest([]byte("before"), r, forward.Peer{Scheme: "http"})
	if !strings.HasPrefix(string(head), "beforeGET / ") || string(marks.Upgrade.Of(head)) != "b" {
		t.Errorf("got %q with %+v", head, marks)
	}
}

// TestRequestAllocations: with room enough nothing is allocated.
func TestRequestAllocations(t *testing.T) {
	const head = "GET http://a HTTP/1.0\nTE: trailers\nX-Forwarded-For: 1.1.1.1\nConnection: x\nX: y\nContent-Length: 1\n\n"
	r := parseRequest(t, head)
	from := forward.Peer{IP: "1.2.3.4", Trusted: true, Scheme: "http"}
	b := make([]byte, 0, forward.RequestSize(r, len(wire(head)), from))
	if n := testing.AllocsPerRun(100, func() { forward.AppendRequest(b, r, from) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
