//go:build linux

package fast

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
)

func addInstance(t testing.TB, r *registry.Registry, address string) registry.ID {
	t.Helper()
	id := r.Add(registry.Spec{Endpoint: registry.Endpoint{Network: "tcp", Address: address}})
	if err := r.Transition(id, registry.Ready, "test"); err != nil {
		t.Fatal(err)
	}
	return id
}

// server starts an instance whose requests h answers.
func server(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// echo answers with method, target and body.
func echo(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, b)
}
