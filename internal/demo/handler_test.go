package demo

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// count asks the backend how many requests it has had, this one included.
func count(t *testing.T, url string) uint64 {
	t.Helper()
	_, body := get(t, http.MethodGet, url, "", "Accept", "application/json")
	var id identity
	if err := json.Unmarshal([]byte(body), &id); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	return id.Requests
}

func TestRoutes(t *testing.T) {
	base, _ := start(t)
	_, port, _ := strings.Cut(base, "127.0.0.1:")
	for _, tt := range []struct {
		method, path string
		status       int
		mediaType    string
		body         string // a regular expression
	}{
		{"GET", "/health", 200, "text/plain", `^ok$`},
		{"HEAD", "/health", 200, "text/plain", `^$`},
		{"GET", "/", 200, "text/plain", `^dynlb demo backend on port ` + port + `, pid \d+, up \d+s, request \d+\n$`},
		{"GET", "/slow?ms=0", 200, "text/plain", `^slept 0 ms\n$`},
		{"GET", "/slow?ms=30", 200, "text/plain", `^slept 30 ms\n$`},
		{"GET", "/slow?ms=60001", 400, "text/plain", `from 0 to 60000`},
		{"GET", "/slow?ms=-1", 400, "text/plain", `^ms is "-1"; it must be a whole number`},
		{"GET", "/slow?ms=1.5", 400, "text/plain", `whole number`},
		{"GET", "/slow?ms=5s", 400, "text/plain", `whole number`},
		{"GET", "/slow?ms=99999999999999999999", 400, "text/plain", `whole number`},
		{"GET", "/sse?ms=9", 400, "text/plain", `from 10 to 60000`},
		{"GET", "/ws", 426, "text/plain", `.`},
		{"GET", "/nothing", 404, "text/plain", `^not found`},
		{"GET", "/health/", 404, "text/plain", `^not found`},
	} {
		t.Run(tt.method+" "+tt.path, func(t *testing.T) {
			res, body := get(t, tt.method, base+tt.path, "")
			if res.StatusCode != tt.status {
				t.Errorf("status %d, want %d", res.StatusCode, tt.status)
			}
			if mediaType, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); mediaType != tt.mediaType {
				t.Errorf("content type %q, want %q", mediaType, tt.mediaType)
			}
			if !regexp.MustCompile(tt.body).MatchString(body) {
				t.Errorf("body %q does not match %s", body, tt.body)
			}
			if got := res.Header.Get("X-Instance"); got != port {
				t.Errorf("X-Instance %q, want %s", got, port)
			}
		})
	}
}

func TestSlowTakesItsTime(t *testing.T) {
	url, _ := start(t)
	began := time.Now()
	get(t, http.MethodGet, url+"/slow?ms=100", "")
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
}

func TestIndexForBrowser(t *testing.T) {
	url, _ := start(t)
	res, body := get(t, http.MethodGet, url, "", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	if got := res.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	_, port, _ := strings.Cut(url, "127.0.0.1:")
	for _, want := range []string{"Instance <b>" + port + "</b>", "Process " + strconv.Itoa(os.Getpid()) + ","} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if left := regexp.MustCompile(`\{\{\w+\}\}`).FindString(body); left != "" {
		t.Errorf("the page has the placeholder %s left", left)
	}
	if asset := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9-]+\.[a-z]|<link[^>]+stylesheet|src=|@import|url\(`).FindString(body); asset != "" {
		t.Errorf("the page loads something: %s", asset)
	}
	if size := len(body); size > 16<<10 {
		t.Errorf("the page has %d bytes", size)
	}
}

func TestIndexAsJSON(t *testing.T) {
	url, _ := start(t)
	get(t, http.MethodGet, url+"/health", "")
	get(t, http.MethodGet, url+"/nothing", "")
	res, body := get(t, http.MethodGet, url, "", "Accept", "application/json")
	if got := res.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
	var got map[string]float64
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	if len(got) != 4 || got["pid"] != float64(os.Getpid()) || got["uptimeSeconds"] <= 0 {
		t.Errorf("got %v", got)
	}
	if got["requests"] != 2 {
		t.Errorf("%v requests, want 2: health checks are not counted", got["requests"])
	}
}

func TestHandlerNeedsNoRun(t *testing.T) {
	res := httptest.NewRecorder()
	Handler(5001).ServeHTTP(res, httptest.NewRequest(http.MethodGet, "/", nil))
	if res.Code != http.StatusOK || !strings.Contains(res.Body.String(), "port 5001") {
		t.Errorf("status %d, body %q", res.Code, res.Body)
	}
}

func TestEcho(t *testing.T) {
	base, _ := start(t)
	res, body := get(t, http.MethodPut, base+"/echo?a=b%20c&d=", "héllo", "X-Colour", "blue", "Accept", "application/json")
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("status %d, content type %q", res.StatusCode, res.Header.Get("Content-Type"))
	}
	var got struct {
		Method, Target, Body string
		Headers              map[string]string
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	if got.Method != http.MethodPut || got.Target != "/echo?a=b%20c&d=" || got.Body != "héllo" {
		t.Errorf("got %+v", got)
	}
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	if got.Headers["host"] != u.Host || got.Headers["x-colour"] != "blue" {
		t.Errorf("headers %v", got.Headers)
	}
}

func TestEchoBounds(t *testing.T) {
	url, _ := start(t)
	for size, status := range map[int]int{maxBody: http.StatusOK, maxBody + 1: http.StatusRequestEntityTooLarge} {
		if res, _ := get(t, http.MethodPost, url+"/echo", strings.Repeat("a", size)); res.StatusCode != status {
			t.Errorf("%d bytes: status %d, want %d", size, res.StatusCode, status)
		}
	}
}
