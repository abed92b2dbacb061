package proxy_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/edge"
)

// asking returns the answer to a request with an Accept, and its content.
func asking(t *testing.T, client *http.Client, method, url, accept string) (res *http.Response, body string) {
	t.Helper()
	r := newRequest(t, method, url, nil)
	r.Header.Set("Accept", accept)
	res = do(t, client, r)
	return res, readAll(t, res)
}

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// TestErrorPages: browsers get a page, programs that ask for JSON problem details, and all
// others what they get without pages.
func TestErrorPages(t *testing.T) {
	t.Parallel()
	large := "<p>" + strings.Repeat("x", 200<<10)
	f := newProxy(t, setup{
		queue: registry.Options{QueueLimit: 1, QueueTimeout: soon},
		edge:  edge.Settings{Pages: &edge.Pages{ByCode: map[int][]byte{503: []byte(large)}, Default: []byte("<p>other")}, RequestID: idField},
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		res, body := asking(t, client, http.MethodGet, f.url, browser)
		if res.StatusCode != 503 || body != large || res.Header.Get("Content-Type") != "text/html; charset=utf-8" || res.Header.Get("Retry-After") != "5" ||
			res.Header.Get("Vary") != "Accept" || res.Header.Get(idField) == "" {
			t.Errorf("a browser gets %d %v %.20s", res.StatusCode, res.Header, body)
		}
		if res, body := asking(t, client, http.MethodHead, f.url, browser); res.ContentLength != int64(len(large)) || body != "" {
			t.Errorf("a HEAD gets %d bytes, announced %d", len(body), res.ContentLength)
		}
		res, body = asking(t, client, http.MethodGet, f.url, "application/json")
		var problem struct {
			Type, Title, Detail, Error string
			Status                     int
		}
		if err := json.Unmarshal([]byte(body), &problem); err != nil || res.Header.Get("Content-Type") != "application/problem+json" ||
			problem.Status != 503 || problem.Type != "about:blank" || problem.Title != "Service Unavailable" ||
			problem.Error != "no instance available" || !strings.HasPrefix(problem.Detail, "no instance available: ") {
			t.Errorf("a program gets %v %s, %v", res.Header, body, err)
		}
		res, body = asking(t, client, http.MethodGet, f.url, "*/*")
		if !strings.HasPrefix(body, `{"error":"no instance available"`) || res.Header.Get("Content-Type") != "application/json" {
			t.Errorf("another client gets %v %s", res.Header, body)
		}
	})
}

// TestErrorPageOfAnother: a status without a page of its own has the default one, and the
// pages of the app stay.
func TestErrorPageOfAnother(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{
		instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/cut" {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "the app's own")
		})},
		edge: edge.Settings{Pages: &edge.Pages{Default: []byte("<p>other")}},
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for path, want := range map[string]string{"/cut": "<p>other", "/": "the app's own"} {
			if res, body := asking(t, client, http.MethodPost, f.url+path, browser); res.StatusCode != 502 || body != want {
				t.Errorf("%s: %d %s, want %s", path, res.StatusCode, body, want)
			}
		}
	})
}

// TestMaintenance: all requests get a 503, with a page for browsers, and no instance gets
// one. The status of dynlb is answered.
func TestMaintenance(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings edge.Settings
		page     string
	}{
		"page":       {edge.Settings{Maintenance: &edge.Maintenance{Page: []byte("<p>soon")}}, "<p>soon"},
		"error page": {edge.Settings{Maintenance: new(edge.Maintenance), Pages: &edge.Pages{Default: []byte("<p>sorry")}}, "<p>sorry"},
		"none":       {edge.Settings{Maintenance: new(edge.Maintenance)}, "<h1>Down for maintenance</h1>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, requests := counted(t)
			f := newProxy(t, setup{
				instances: []string{address}, edge: c.settings,
				options: proxy.Options{Status: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "status") })},
			})
			eachProtocol(t, func(t *testing.T, client *http.Client) {
				res, body := asking(t, client, http.MethodGet, f.url, browser)
				if res.StatusCode != 503 || !strings.Contains(body, c.page) || res.Header.Get("Retry-After") != "60" || res.Header.Get("Vary") != "Accept" {
					t.Errorf("a browser gets %d %v %s", res.StatusCode, res.Header, body)
				}
				res, body = asking(t, client, http.MethodPost, f.url, "*/*")
				if res.StatusCode != 503 || !strings.HasPrefix(body, `{"error":"down for maintenance"`) {
					t.Errorf("a program gets %d %s", res.StatusCode, body)
				}
				if body := readAll(t, get(t, client, f.url+"/lb-status")); body != "status" {
					t.Errorf("the status is %s", body)
				}
			})
			if n := requests.Load(); n > 0 {
				t.Errorf("the instance got %d requests", n)
			}
		})
	}
}
