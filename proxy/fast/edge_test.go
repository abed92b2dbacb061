//go:build linux

package fast

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

// TestCompressionIsHandedOver: a request whose response may be compressed is handed over,
// and others are carried.
func TestCompressionIsHandedOver(t *testing.T) {
	t.Parallel()
	handed := make(chan given, 1)
	app := route.NewApp("default", registry.New(registry.Options{}), route.Settings{Edge: edge.New(edge.Settings{Compress: true})})
	f := serve(t, Options{Handover: give(handed), Router: route.Single(app)}, server(t, echo))
	conn := proxytest.Dial(t, f.address)
	conn.Send("GET /1 HTTP/1.1\nHost: a\n\n")
	if code, body := conn.Response(t); code != 200 {
		t.Errorf("without Accept-Encoding: %d %s", code, body)
	}
	conn.Send("GET /2 HTTP/1.1\nHost: a\nAccept-Encoding: gzip\n\n")
	other := <-handed
	if !bytes.HasPrefix(other.unread, []byte("GET /2 ")) {
		t.Errorf("got %q", other.unread)
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}

// TestBlockingRules: a request whose credentials take long to verify is handed over with
// all bytes, and leaves nothing behind. Other requests of the app are carried.
func TestBlockingRules(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte("b"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users, err := edge.ParseUsers(append([]byte("ann:a\nbob:"), hash...))
	if err != nil {
		t.Fatal(err)
	}
	handed := make(chan given, 1)
	app := route.NewApp("default", registry.New(registry.Options{}), route.Settings{Edge: edge.New(edge.Settings{Users: users})})
	f := serve(t, Options{Handover: give(handed), Router: route.Single(app)}, server(t, echo))
	for _, before := range []string{"", "GET /1 HTTP/1.1\nHost: a\n\n"} {
		for _, step := range []int{7, 1000} {
			conn := proxytest.Dial(t, f.address)
			if before != "" {
				conn.Send(before)
				if code, body := conn.Response(t); code != 401 {
					t.Errorf("without credentials: %d %s", code, body)
				}
			}
			text := strings.ReplaceAll("POST /2 HTTP/1.1\nHost: a\nContent-Length: 3\nAuthorization: Basic Ym9iOmI=\n\nabcGET /3", "\n", "\r\n")
			go func() {
				for b := text; b != ""; b = b[min(step, len(b)):] {
					_, _ = io.WriteString(conn, b[:min(step, len(b))])
				}
			}()
			other := <-handed
			got := make([]byte, len(text))
			if _, err := io.ReadFull(io.MultiReader(bytes.NewReader(other.unread), other), got); err != nil || string(got) != text {
				t.Errorf("got %q, %v, want %q", got, err, text)
			}
			if err := other.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
