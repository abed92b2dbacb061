package proxy_test

import (
	"io"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/route"
)

const idField = "X-Request-Id"

// TestRequestID: the instance, the client and the outcome get the same id, which only a
// trusted peer can choose.
func TestRequestID(t *testing.T) {
	t.Parallel()
	made := regexp.MustCompile(`^[0-9a-f]{32}$`)
	for _, trusted := range []bool{true, false} {
		var proxies []netip.Prefix
		if trusted {
			proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		}
		f := newProxy(t, setup{
			instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set(idField, "of the instance")
				echo(w, r)
			})},
			options: proxy.Options{Settings: proxy.Settings{TrustedProxies: proxies}},
			edge:    edge.Settings{RequestID: idField, Describe: true},
		})
		seenIDs := map[string]bool{}
		eachProtocol(t, func(t *testing.T, client *http.Client) {
			for _, c := range []struct {
				given []string
				taken bool
			}{
				{nil, false},
				{[]string{"abc-1/2=3"}, trusted},
				{[]string{strings.Repeat("x", 128)}, trusted},
				{[]string{strings.Repeat("x", 129)}, false},
				{[]string{"a b"}, false},
				{[]string{"\xff"}, false},
				{[]string{""}, false},
				{[]string{"a", "b"}, false},
			} {
				r := newRequest(t, http.MethodGet, f.url, nil)
				r.Header[http.CanonicalHeaderKey(idField)] = c.given
				res := do(t, client, r)
				s := seen(t, res)
				ids := res.Header.Values(idField)
				if len(ids) != 1 || len(s.Header.Values(idField)) != 1 || s.Header.Get(idField) != ids[0] {
					t.Errorf("given %q: the client got %q, the instance %q", c.given, ids, s.Header.Values(idField))
					continue
				}
				if c.taken != (len(c.given) == 1 && ids[0] == c.given[0]) || !c.taken && (!made.MatchString(ids[0]) || seenIDs[ids[0]]) {
					t.Errorf("given %q, trusted %t: the id is %q", c.given, trusted, ids[0])
				}
				seenIDs[ids[0]] = true
				if got := f.recorded(t, 200).request; !strings.HasSuffix(got, " "+ids[0]) {
					t.Errorf("the outcome has %q, want the id %s", got, ids[0])
				}
			}
		})
	}
}

// TestRequestIDOfFaults: dynlb's own answers and its log have the id, too.
func TestRequestIDOfFaults(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{queue: registry.Options{QueueLimit: 1, QueueTimeout: soon}, edge: edge.Settings{RequestID: idField, Describe: true}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		res := get(t, client, f.url)
		id := res.Header.Get(idField)
		wantFault(t, res, http.StatusServiceUnavailable, "no instance available")
		if got := f.recorded(t, 503).request; id == "" || !strings.HasSuffix(got, " "+id) {
			t.Errorf("the client got %q, the outcome has %q", id, got)
		}
		if !strings.Contains(f.log.String(), "requestID="+id) {
			t.Errorf("the log lacks %s: %s", id, f.log)
		}
	})
}

// TestServerTiming: responses tell the time in the queue and that of the instance, beside
// what the instance tells itself.
func TestServerTiming(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^queue;dur=([\d.]+), instance;dur=([\d.]+)$`)
	f := newProxy(t, setup{
		instances: []string{server(t, func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(soon)
			w.Header().Set("Server-Timing", "db;dur=1")
			_, _ = io.WriteString(w, "ok")
		})},
		edge: edge.Settings{ServerTiming: true},
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		res := get(t, client, f.url)
		readAll(t, res)
		all := res.Header.Values("Server-Timing")
		if len(all) != 2 || all[0] != "db;dur=1" {
			t.Fatalf("got %q", all)
		}
		m := form.FindStringSubmatch(all[1])
		if m == nil {
			t.Fatalf("got %q", all[1])
		}
		queue, _ := strconv.ParseFloat(m[1], 64)
		instance, _ := strconv.ParseFloat(m[2], 64)
		if lasts := float64(soon.Milliseconds()); queue > lasts/2 || instance < lasts*0.9 || instance > 1000*patience.Seconds() {
			t.Errorf("got %q for an instance that takes %v", all[1], soon)
		}
	})
}

// TestRequestIDAlone checks that the answer to a request that is for no app has an id too,
// over both versions of HTTP.
func TestRequestIDAlone(t *testing.T) {
	t.Parallel()
	url := serveProxy(t, proxy.Options{
		Engine: engine, Settings: proxy.Settings{RequestID: idField},
		Router: route.NewTable([]route.Rule{{App: newEchoApp(t, "web"), Hosts: []string{"a.example"}, Paths: []string{"/web"}}}),
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for host, code := range map[string]int{"b.example": http.StatusMisdirectedRequest, "a.example": http.StatusNotFound} {
			r := newRequest(t, http.MethodGet, url, nil)
			r.Host = host
			res := do(t, client, r)
			readAll(t, res)
			if id := res.Header.Get(idField); res.StatusCode != code || len(id) != 32 {
				t.Errorf("%s: %d, id %q; want %d with an id", host, res.StatusCode, id, code)
			}
		}
	})
}
