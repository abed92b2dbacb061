package proxy_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// eachProtocol runs a test with a client of HTTP/1.1 and one of HTTP/2, which it
// speaks with prior knowledge or, over TLS, by ALPN.
func eachProtocol(t *testing.T, test func(t *testing.T, client *http.Client)) {
	t.Helper()
	for _, name := range []string{"http1", "http2"} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, name)
			test(t, client)
			client.CloseIdleConnections() // or an HTTP/2 server takes 1 s to shut down
		})
	}
}

func newClient(t testing.TB, protocol string) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(protocol == "http1")
	protocols.SetUnencryptedHTTP2(protocol == "http2") // for http URLs
	protocols.SetHTTP2(protocol == "http2")            // for https URLs
	transport := &http.Transport{
		TLSClientConfig: proxytest.ClientTLS(),
		Protocols:       protocols, DisableCompression: true, MaxIdleConnsPerHost: 64, ExpectContinueTimeout: patience,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// firstSettings is the time after which the server of net/http (Go 1.26) closes a connection
// of HTTP/2 without SETTINGS, also if they have arrived and the process did not run since.
const firstSettings = 2 * time.Second

// heldUp reports whether a request failed because this process, which is client and server,
// did not run for so long that net/http gave up the new connection before the request was
// sent. No promise is broken then, and the request can be sent again.
func heldUp(err error, took time.Duration) bool {
	return err != nil && took >= firstSettings && strings.HasSuffix(err.Error(), "http2: client conn could not be established")
}

func newRequest(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func do(t testing.TB, client *http.Client, r *http.Request) *http.Response {
	t.Helper()
	began := time.Now()
	res, err := client.Do(r)
	if r.Body == nil && heldUp(err, time.Since(began)) {
		res, err = client.Do(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func get(t testing.TB, client *http.Client, url string) *http.Response {
	t.Helper()
	return do(t, client, newRequest(t, http.MethodGet, url, nil))
}

func readAll(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("read body: %v", err)
	}
	_ = res.Body.Close()
	return string(b)
}

// wantFault checks an answer of the load balancer itself.
func wantFault(t testing.TB, res *http.Response, code int, message string) {
	t.Helper()
	body := readAll(t, res)
	if res.StatusCode != code || !strings.Contains(body, message) {
		t.Errorf("got %d %s, want %d with %q", res.StatusCode, body, code, message)
	}
	if got := res.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q, want application/json", got)
	}
	if !json.Valid([]byte(body)) {
		t.Errorf("body is not JSON: %s", body)
	}
}

// wait receives from c.
func wait[T any](t testing.TB, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("%s: nothing after %v", what, patience)
		panic("unreachable")
	}
}

// onlyReader hides what else a reader can do, so that its length is unknown.
type onlyReader struct{ io.Reader }

func jsonString(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	_ = e.Encode(s)
	return strings.TrimSpace(b.String())
}

// wantHeader compares headers field by field.
func wantHeader(t testing.TB, got, want http.Header) {
	t.Helper()
	for name := range got {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s: %q, want %q", name, got[name], want[name])
		}
	}
	for name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("%s is missing, want %q", name, want[name])
		}
	}
}
