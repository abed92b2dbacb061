package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{
		instances: []string{server(t, echo)},
		options: proxy.Options{Status: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "the status")
		})},
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, target := range []string{"/lb-status", "/lb-status?x=1"} {
			if got := readAll(t, get(t, client, f.url+target)); got != "the status" {
				t.Errorf("%s: %q", target, got)
			}
		}
		head := do(t, client, newRequest(t, http.MethodHead, f.url+"/lb-status", nil))
		if body := readAll(t, head); head.StatusCode != 200 || body != "" {
			t.Errorf("HEAD: %d %q", head.StatusCode, body)
		}
		post := do(t, client, newRequest(t, http.MethodPost, f.url+"/lb-status", nil))
		if got := post.Header.Get("Allow"); got != "GET, HEAD" {
			t.Errorf("Allow %q", got)
		}
		wantFault(t, post, 405, "GET and HEAD")
		for _, target := range []string{"/lb-status/", "/lb-status/x", "/LB-status", "/lb%2Dstatus", "//lb-status", "/v1/scale"} {
			if got := seen(t, get(t, client, f.url+target)); got.Target != target {
				t.Errorf("%s: instance saw %q", target, got.Target)
			}
			f.recorded(t, 200)
		}
	})
	if len(f.records) != 0 {
		t.Error("status requests are recorded")
	}
}

// TestStatusNone checks that without a status handler the path belongs to the app.
func TestStatusNone(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	if got := seen(t, get(t, newClient(t, "http1"), f.url+"/lb-status")); got.Target != "/lb-status" {
		t.Errorf("instance saw %q", got.Target)
	}
}

func TestServerLimits(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.1\nHost: a\nX: " + strings.Repeat("x", 70<<10) + "\n\n")
	if got := c.Rest(); !strings.HasPrefix(got, "HTTP/1.1 431 ") {
		t.Errorf("70 KiB head: %.100q", got)
	}
}

// TestPipelining checks that pipelined requests are answered in order.
func TestPipelining(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	c := proxytest.Dial(t, f.address)
	c.Send("GET /1 HTTP/1.1\nHost: a\n\nPOST /2 HTTP/1.1\nHost: a\nContent-Length: 2\n\nhiGET /3 HTTP/1.1\nHost: a\nConnection: close\n\n")
	got := c.Rest()
	one, two, three := strings.Index(got, `"/1"`), strings.Index(got, `"/2"`), strings.Index(got, `"/3"`)
	if one < 0 || two < one || three < two {
		t.Errorf("got %s", got)
	}
}
