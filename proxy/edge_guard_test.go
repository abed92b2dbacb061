package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

// counted is an instance that counts the requests that it gets.
func counted(t *testing.T) (address string, requests *atomic.Int64) {
	requests = new(atomic.Int64)
	return server(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "app")
	}), requests
}

func networks(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// users returns one with a plain password, and one with a hash.
func users(t *testing.T) *edge.Users {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("hashed"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	u, err := edge.ParseUsers(fmt.Appendf(nil, "ann:plain\nbob:%s\n", hash))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestNetworks: clients of networks that may not use the app get a 403, and no instance
// gets their requests. Who the client is, only trusted proxies say.
func TestNetworks(t *testing.T) {
	t.Parallel()
	address, requests := counted(t)
	f := newProxy(t, setup{instances: []string{address}, options: proxy.Options{
		Settings: proxy.Settings{TrustedProxies: networks("127.0.0.1/32")},
		Status:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "app") }),
	}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, c := range []struct {
			allow, deny []netip.Prefix
			client      string
			want        int
		}{ // a 403 names the key that decided
			{nil, networks("192.0.2.0/24"), "192.0.2.1", 403},
			{nil, networks("192.0.2.0/24"), "192.0.3.1", 200},
			{networks("192.0.2.0/24"), nil, "192.0.2.1", 200},
			{networks("192.0.2.0/24"), nil, "192.0.3.1", 403},
			{networks("192.0.2.0/24"), nil, "", 403},
			{networks("127.0.0.0/8"), nil, "", 200},
			{networks("192.0.2.0/24"), networks("192.0.2.1/32"), "192.0.2.1", 403},
			{networks("2001:db8::/32"), nil, "2001:db8::1", 200},
		} {
			f.app.Configure(route.Settings{Edge: edge.New(edge.Settings{Allow: c.allow, Deny: c.deny})})
			for _, path := range []string{"/", "/lb-status"} {
				before := requests.Load()
				r := newRequest(t, http.MethodPost, f.url+path, strings.NewReader("content"))
				if path != "/" {
					r = newRequest(t, http.MethodGet, f.url+path, nil)
				}
				r.Header.Set("X-Forwarded-For", c.client)
				res := do(t, client, r)
				body := readAll(t, res)
				if c.want == 403 && !strings.Contains(body, `"key":"`+map[bool]string{true: "deny", false: "allow"}[c.deny != nil]+`"`) {
					t.Errorf("%q to %s, allow %v, deny %v: %s", c.client, path, c.allow, c.deny, body)
				}
				if res.StatusCode != c.want || c.want == 200 != (body == "app") || c.want == 403 && requests.Load() != before {
					t.Errorf("%q to %s, allow %v, deny %v: %d %s", c.client, path, c.allow, c.deny, res.StatusCode, body)
				}
			}
		}
	})
}

// TestBasicAuth: without the name and the password of a user a request gets a 401, also on
// a connection that another user has used before, and again when the verdict is known.
func TestBasicAuth(t *testing.T) {
	t.Parallel()
	address, requests := counted(t)
	f := newProxy(t, setup{instances: []string{address}, edge: edge.Settings{Users: users(t), Describe: true}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for range 2 {
			for _, c := range []struct {
				name, password string
				want           int
			}{
				{"", "", 401},
				{"ann", "plain", 200},
				{"ann", "wrong", 401},
				{"bob", "hashed", 200},
				{"bob", "wrong", 401},
				{"eve", "hashed", 401},
			} {
				before := requests.Load()
				r := newRequest(t, http.MethodPost, f.url, strings.NewReader("content"))
				if c.name != "" {
					r.SetBasicAuth(c.name, c.password)
				}
				res := do(t, client, r)
				body := readAll(t, res)
				challenged := res.Header.Get("WWW-Authenticate") == `Basic realm="dynlb", charset="UTF-8"`
				if res.StatusCode != c.want || challenged != (c.want == 401) || strings.Contains(body, "wrong") {
					t.Errorf("%s:%s: %d, challenged %t, %s", c.name, c.password, res.StatusCode, challenged, body)
				}
				if n := requests.Load() - before; n != 1 && c.want == 200 || n != 0 && c.want != 200 {
					t.Errorf("%s:%s: the instance got %d requests", c.name, c.password, n)
				}
				user := ""
				if c.want == 200 {
					user = c.name
				}
				if got := f.recorded(t, c.want).request; !strings.Contains(got, strconv.Quote(user)) {
					t.Errorf("%s:%s: the outcome has %s", c.name, c.password, got)
				}
			}
		}
	})
	if strings.Contains(f.log.String(), "level=INFO") || !strings.Contains(f.log.String(), "level=DEBUG") {
		t.Errorf("log: %s", f.log)
	}
}

// TestBasicAuthPlain: passwords that are no hashes are verified by the event loop, in HTTP/2
// too, and for the status path.
func TestBasicAuthPlain(t *testing.T) {
	t.Parallel()
	users, err := edge.ParseUsers([]byte("ann:plain\n"))
	if err != nil {
		t.Fatal(err)
	}
	f := newProxy(t, setup{instances: []string{server(t, echo)}, edge: edge.Settings{Users: users}, options: proxy.Options{
		Settings: proxy.Settings{Describe: true},
		Status:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "status") }),
	}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, path := range []string{"/", "/lb-status", "/"} {
			for password, want := range map[string]int{"plain": 200, "wrong": 401, "": 401} {
				r := newRequest(t, http.MethodGet, f.url+path, nil)
				if password != "" {
					r.SetBasicAuth("ann", password)
				}
				res := do(t, client, r)
				body := readAll(t, res)
				if res.StatusCode != want || want == 401 && res.Header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s with the password %q: %d %s", path, password, res.StatusCode, body)
				}
				if o := f.recorded(t, want); o.status != (path != "/") || o.out != int64(len(body)) {
					t.Errorf("%s with the password %q: recorded %+v, want %d bytes", path, password, o, len(body))
				}
			}
		}
	})
}

// TestBasicAuthTwice: of two credentials, the app might take the ones that were not
// verified.
func TestBasicAuthTwice(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}, edge: edge.Settings{Users: users(t)}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		r := newRequest(t, http.MethodGet, f.url, nil)
		r.SetBasicAuth("ann", "plain")
		r.Header.Add("Authorization", "Basic ZXZlOmhhc2hlZA==")
		res := do(t, client, r)
		readAll(t, res)
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("got %d", res.StatusCode)
		}
	})
}

// TestBasicAuthPipelined: requests behind one whose verdict takes long are not lost, and
// their content is whole.
func TestBasicAuthPipelined(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}, edge: edge.Settings{Users: users(t)}})
	c := proxytest.Dial(t, f.address)
	const hashed, plain = "Authorization: Basic Ym9iOmhhc2hlZA==\n", "Authorization: Basic YW5uOnBsYWlu\n"
	c.Send("GET /1 HTTP/1.1\nHost: a\n" + plain + "\n" +
		"POST /2 HTTP/1.1\nHost: a\nContent-Length: 5\n" + hashed + "\nfirst" +
		"GET /3 HTTP/1.1\nHost: a\nConnection: close\n" + hashed + "\n")
	got := c.Rest()
	for _, want := range []string{`"Target":"/1"`, `"Body":"first"`, `"Target":"/3"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
	for range 3 {
		f.recorded(t, 200)
	}
	f.idle(t)
}

// TestRateLimit: requests above a rate get a 429 that says when to come back.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	hourly := edge.Rate{Requests: 60, Per: time.Hour, Burst: 3}
	for name, s := range map[string]edge.Settings{"client": {ClientRate: hourly}, "app": {AppRate: hourly}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, requests := counted(t)
			f := newProxy(t, setup{
				instances: []string{address}, edge: s,
				options: proxy.Options{Settings: proxy.Settings{TrustedProxies: networks("127.0.0.1/32")}},
			})
			ask := func(client *http.Client, from string) *http.Response {
				r := newRequest(t, http.MethodGet, f.url, nil)
				r.Header.Set("X-Forwarded-For", from)
				return do(t, client, r)
			}
			client := newClient(t, "http1")
			for i := range 5 {
				want := 200
				if i > 2 {
					want = 429
				}
				res := ask(client, "192.0.2.1")
				readAll(t, res)
				if res.StatusCode != want {
					t.Errorf("request %d: %d, want %d", i+1, res.StatusCode, want)
				}
				if after, _ := strconv.Atoi(res.Header.Get("Retry-After")); want == 429 && (after < 50 || after > 60) {
					t.Errorf("Retry-After: %s", res.Header.Get("Retry-After"))
				}
			}
			want := http.StatusOK
			if name == "app" {
				want = http.StatusTooManyRequests
			}
			http2 := newClient(t, "http2")
			if res := ask(http2, "192.0.2.2"); res.StatusCode != want {
				t.Errorf("another client gets %d, want %d", res.StatusCode, want)
			}
			http2.CloseIdleConnections()
			f.app.Configure(route.Settings{Edge: edge.New(s)})
			if res := ask(client, "192.0.2.1"); res.StatusCode != 429 {
				t.Errorf("%d after a reload, which does not fill the bucket", res.StatusCode)
			}
			if n := requests.Load(); n != 3 && n != 4 {
				t.Errorf("the instance got %d requests", n)
			}
		})
	}
}
