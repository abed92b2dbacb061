package server

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOriginCheck(t *testing.T) {
	t.Parallel()
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	checked := newOriginCheck([]string{"LB.internal", "2001:db8::7"}, Auth{}.certifies).before(next)
	const local = "192.0.2.1:4002" // where requests arrive
	for _, tt := range []struct {
		name, method, host string
		header             http.Header
		want               int
	}{
		{"localhost", "GET", "localhost:4002", nil, 200},
		{"no port", "GET", "localhost", nil, 200},
		{"upper case", "GET", "LOCALHOST:4002", nil, 200},
		{"with the root's dot", "GET", "localhost.:4002", nil, 200},
		{"below localhost", "GET", "dynlb.localhost:4002", nil, 200},
		{"IPv4 loopback", "GET", "127.0.0.1:4002", nil, 200},
		{"other IPv4 loopback", "GET", "127.8.8.8:4002", nil, 200},
		{"IPv6 loopback", "GET", "[::1]:4002", nil, 200},
		{"mapped loopback", "GET", "[::ffff:127.0.0.1]:4002", nil, 200},
		{"own address", "GET", local, nil, 200},
		{"own address, mapped", "GET", "[::ffff:192.0.2.1]:4002", nil, 200},
		{"given name", "GET", "lb.internal:4002", nil, 200},
		{"HTTP/1.0", "GET", "", nil, 200},
		{"rebound name", "GET", "evil.example:4002", nil, 403},
		{"rebound name, POST", "POST", "evil.example:4002", nil, 403},
		{"name that looks near", "GET", "localhost.evil.example", nil, 403},
		{"name that looks like an address", "GET", "127.0.0.1.evil.example", nil, 403},
		{"suffix of a name", "GET", "evillocalhost", nil, 403},
		{"other address", "GET", "198.51.100.1:4002", nil, 403},
		{"any address", "GET", "0.0.0.0:4002", nil, 403},
		{"nonsense", "GET", "[::1", nil, 403},

		{"own page", "GET", "localhost:4002", http.Header{"Origin": {"http://localhost:4002"}, "Sec-Fetch-Site": {"same-origin"}}, 200},
		{"typed in", "GET", "localhost:4002", http.Header{"Sec-Fetch-Site": {"none"}}, 200},
		{"foreign page", "GET", "localhost:4002", http.Header{"Origin": {"https://evil.example"}}, 403},
		{"page on another port", "GET", "localhost:4002", http.Header{"Origin": {"http://localhost:3000"}}, 403},
		{"page of no origin", "GET", "localhost:4002", http.Header{"Origin": {"null"}}, 403},
		{"page of no origin, HTTP/1.0", "GET", "", http.Header{"Origin": {"null"}}, 403},
		{"empty origin", "GET", "localhost:4002", http.Header{"Origin": {""}}, 403},
		{"two origins", "GET", "localhost:4002", http.Header{"Origin": {"http://localhost:4002", "https://evil.example"}}, 403},
		{"foreign image tag", "GET", "localhost:4002", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},

		{"JSON", "POST", "localhost:4002", http.Header{"Content-Type": {"application/json"}}, 200},
		{"JSON with charset", "POST", "localhost:4002", http.Header{"Content-Type": {"application/json; charset=utf-8"}}, 200},
		{"form", "POST", "localhost:4002", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, 415},
		{"text", "POST", "localhost:4002", http.Header{"Content-Type": {"text/plain"}}, 415},
		{"text that mentions JSON", "POST", "localhost:4002", http.Header{"Content-Type": {"text/plain; a=application/json"}}, 415},
		{"no type", "POST", "localhost:4002", nil, 415},
		{"unknown method", "BREW", "localhost:4002", nil, 415},
		{"foreign form", "POST", "localhost:4002", http.Header{"Origin": {"https://evil.example"}, "Content-Type": {"application/json"}}, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address := net.TCPAddrFromAddrPort(mustAddrPort(t, local))
			ctx := context.WithValue(t.Context(), http.LocalAddrContextKey, address)
			req := httptest.NewRequestWithContext(ctx, tt.method, "/", http.NoBody)
			req.Host = tt.host
			maps.Copy(req.Header, tt.header)
			rec := httptest.NewRecorder()
			checked.ServeHTTP(rec, req)
			if rec.Code != tt.want {
				t.Errorf("%s to %q with %v: %d %s, want %d", tt.method, tt.host, tt.header, rec.Code, rec.Body, tt.want)
			}
			if len(rec.Header().Values("Access-Control-Allow-Origin")) > 0 {
				t.Error("a CORS header")
			}
		})
	}
}

// TestOriginCheckIsBeforeAllPaths: no path of admin HTTP is served without it.
func TestOriginCheckIsBeforeAllPaths(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, path := range []string{"/", "/lb-status", "/v1/status", "/v1/instances:watch", "/openapi.json", "/healthz", "/readyz", "/metrics", "/nowhere"} {
		resp, body := p.do(t, "GET", path, "", "Host", "evil.example")
		if resp.StatusCode != http.StatusForbidden || body != `{"code":7,"message":"Host \"evil.example\" is not this server's; use localhost or its address","details":[]}` {
			t.Errorf("GET %s: %s %s, want 403", path, resp.Status, body)
		}
	}
	resp, body := p.do(t, "POST", "/v1/scale", `{"target":4}`, "Content-Type", "text/plain")
	if resp.StatusCode != http.StatusUnsupportedMediaType || p.board.Snapshot().Target != 2 {
		t.Errorf("POST of text: %s %s, want 415", resp.Status, body)
	}
}

// TestMethodsBeforeTypes: a method that a path does not take is the reason of its 405, also
// without a Content-Type. Pages cannot send such methods to another origin unless it allows
// them, as a form sends POST.
func TestMethodsBeforeTypes(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, path := range []string{"/v1/status", "/v1/scale", "/v1/restart", "/v1/instances/watch", "/healthz", "/metrics"} {
		for _, method := range []string{http.MethodDelete, http.MethodPut, http.MethodPatch} {
			if resp, body := p.do(t, method, path, ""); resp.StatusCode != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %s %s, want 405", method, path, resp.Status, body)
			}
			if resp, body := p.do(t, method, path, "", "Origin", "https://evil.example"); resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s of a page: %s %s, want 403", method, path, resp.Status, body)
			}
		}
	}
}
