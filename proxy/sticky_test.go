package proxy_test

import (
	"net/http"
	"net/http/cookiejar"
	"slices"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/route"
	"github.com/dynlb/dynlb/proxy/sticky"
)

// stickyProxy serves a proxy over instances that answer with their number.
func stickyProxy(t *testing.T, s sticky.Settings) *front {
	t.Helper()
	var instances []string
	for _, name := range []string{"0", "1", "2", "3"} {
		instances = append(instances, server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(name)) }))
	}
	f := newProxy(t, setup{instances: instances})
	f.app.Configure(route.Settings{RequestTimeout: patience, Sticky: sticky.New(s)})
	return f
}

// occupy claims each instance once more, so that the next one in turn differs.
func occupy(t *testing.T, f *front) {
	t.Helper()
	lease, err := f.registry.Try(registry.Preference{})
	if err != nil || !lease.Valid() {
		t.Fatal(err)
	}
	t.Cleanup(lease.Release)
}

// TestStickyCookie: all requests of a client go to one instance, until that is gone. Then
// they go to another one, and a response says so.
func TestStickyCookie(t *testing.T) {
	t.Parallel()
	f := stickyProxy(t, sticky.Settings{By: sticky.ByCookie, Cookie: "dynlb", Moved: "X-Moved"})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		client.Jar, _ = cookiejar.New(nil) // there is no error
		first := readAll(t, get(t, client, f.url))
		for range 8 {
			occupy(t, f)
			res := get(t, client, f.url)
			if body := readAll(t, res); body != first || res.Header.Get("Set-Cookie") != "" || res.Header.Get("X-Moved") != "" {
				t.Errorf("instance %s after %s: %v", body, first, res.Header)
			}
		}
		gone := f.ids[int(first[0]-'0')]
		if err := f.registry.Transition(gone, registry.Unhealthy, "test"); err != nil {
			t.Fatal(err)
		}
		res := get(t, client, f.url)
		second := readAll(t, res)
		if second == first || res.Header.Get("X-Moved") != "1" {
			t.Errorf("instance %s after %s is gone: %v", second, first, res.Header)
		}
		if err := f.registry.Transition(gone, registry.Ready, "test"); err != nil {
			t.Fatal(err)
		}
		for range 8 {
			occupy(t, f)
			if body := readAll(t, get(t, client, f.url)); body != second {
				t.Errorf("instance %s, want %s", body, second)
			}
		}
	})
}

// TestStickyHeader: requests with the same value of a field, or from the same address, go
// to one instance, and those of many sessions to all.
func TestStickyHeader(t *testing.T) {
	t.Parallel()
	for _, by := range []string{sticky.ByHeader, sticky.ByAddress} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			f := stickyProxy(t, sticky.Settings{By: by, Header: "X-Session"})
			client := newClient(t, "http1")
			var used []string
			for session := range 32 {
				answers := map[string]bool{}
				for range 3 {
					r := newRequest(t, http.MethodGet, f.url, nil)
					r.Header.Set("X-Session", string(rune('A'+session)))
					answers[readAll(t, do(t, client, r))] = true
				}
				if len(answers) != 1 {
					t.Errorf("session %d was at %v", session, answers)
				}
				for at := range answers {
					used = append(used, at)
				}
			}
			slices.Sort(used)
			if n := len(slices.Compact(used)); by == sticky.ByHeader && n != 4 || by == sticky.ByAddress && n != 1 {
				t.Errorf("%d instances were used by %s", n, by)
			}
		})
	}
}
