package proxy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// server starts an instance that h answers for, and returns its address.
func server(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.DisableGeneralOptionsHandler = true
	if proxytest.OverUnix {
		_ = s.Listener.Close()
		s.Listener = proxytest.ListenUnix(t)
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// sight is what an instance saw of a request.
type sight struct {
	Method, Target, Host, Proto string
	Header                      http.Header
	Length                      int64
	Coding                      []string
	Body                        string
	Trailer                     http.Header
}

// echo is an instance that answers with what it saw.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_ = json.NewEncoder(w).Encode(sight{
		Method: r.Method, Target: r.RequestURI, Host: r.Host, Proto: r.Proto, Header: r.Header,
		Length: r.ContentLength, Coding: r.TransferEncoding, Body: string(body), Trailer: r.Trailer,
	})
}

func seen(t testing.TB, res *http.Response) sight {
	t.Helper()
	var s sight
	if err := json.Unmarshal([]byte(readAll(t, res)), &s); err != nil {
		t.Fatalf("status %d: %v", res.StatusCode, err)
	}
	return s
}

// closedAddress returns an address that refuses connections: one that has a
// connection of its own, so that no other program listens there.
func closedAddress(t testing.TB) string {
	t.Helper()
	l := proxytest.Listen(t)
	t.Cleanup(func() { _ = l.Close() })
	return proxytest.Dial(t, l.Addr().String()).LocalAddr().String()
}

// addInstance makes address a ready instance.
func addInstance(t testing.TB, r *registry.Registry, address string) registry.ID {
	t.Helper()
	id := r.Add(registry.Spec{Endpoint: endpointOf(address)})
	if err := r.Transition(id, registry.Ready, fmt.Sprintf("test %s", t.Name())); err != nil {
		t.Fatal(err)
	}
	return id
}
