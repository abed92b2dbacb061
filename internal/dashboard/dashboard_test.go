package dashboard

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// get returns the answer to a request for a path.
func get(t *testing.T, path string, header ...string) *http.Response {
	t.Helper()
	page, err := New()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	page.ServeHTTP(w, r)
	return w.Result()
}

// read returns the content of an answer.
func read(t *testing.T, r *http.Response) string {
	t.Helper()
	var from io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if from, err = gzip.NewReader(r.Body); err != nil {
			t.Fatal(err)
		}
	}
	all, err := io.ReadAll(from)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// TestPage: the page and all files that it names are there, compressed or not, with the
// right type and a policy that lets nothing else in.
func TestPage(t *testing.T) {
	t.Parallel()
	page := read(t, get(t, "/"))
	named := regexp.MustCompile(`(?:src|href)="\./(assets/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(named) < 3 { // script, style, icon
		t.Fatalf("the page names %d files: %s", len(named), page)
	}
	paths := map[string]string{"/": "text/html"}
	for _, one := range named {
		kind := map[string]string{"js": "javascript", "ss": "text/css", "vg": "image/svg+xml"}[one[1][len(one[1])-2:]]
		if kind == "" {
			t.Fatalf("the page names %s, whose type is not known", one[1])
		}
		paths["/"+one[1]] = kind
	}
	for path, kind := range paths {
		plain, compressed := get(t, path), get(t, path, "Accept-Encoding", "br, gzip")
		if plain.Header.Get("Content-Encoding") != "" || compressed.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: encoding %q and %q", path, plain.Header.Get("Content-Encoding"), compressed.Header.Get("Content-Encoding"))
		}
		if read(t, plain) != read(t, compressed) {
			t.Errorf("%s: the compressed file is another one", path)
		}
		for _, r := range []*http.Response{plain, compressed} {
			h := r.Header
			if r.StatusCode != http.StatusOK || !strings.Contains(h.Get("Content-Type"), kind) {
				t.Errorf("%s: %d %s, want %s", path, r.StatusCode, h.Get("Content-Type"), kind)
			}
			policy := h.Get("Content-Security-Policy")
			if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self';") || strings.Contains(policy, "unsafe") ||
				!strings.Contains(policy, "frame-ancestors 'none'") {
				t.Errorf("%s: policy %q", path, policy)
			}
			if kept := strings.Contains(h.Get("Cache-Control"), "immutable"); kept == (path == "/") {
				t.Errorf("%s: Cache-Control %q", path, h.Get("Cache-Control"))
			}
		}
		again := get(t, path, "If-None-Match", plain.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified || read(t, again) != "" {
			t.Errorf("%s again: %d", path, again.StatusCode)
		}
	}
	for _, path := range []string{"/index.html", "/assets/", "/assets/none.js", "/dist", "/../dashboard.go"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path = path
		w := httptest.NewRecorder()
		handler, err := New()
		if err != nil {
			t.Fatal(err)
		}
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, w.Code)
		}
	}
}

// TestPageIsItsOwn: the page has no script and no style of its own, which the policy
// forbids, and names no other server.
func TestPageIsItsOwn(t *testing.T) {
	t.Parallel()
	page := read(t, get(t, "/"))
	for _, pattern := range []string{`<script[^>]*>[^<]`, `<style`, ` style=`, ` on[a-z]+=`, `(src|href)="(https?:)?//`} {
		if found := regexp.MustCompile(pattern).FindString(page); found != "" {
			t.Errorf("the page has %q", found)
		}
	}
}

// maxPage bounds the page with all its files, compressed, in bytes: it must open quickly
// on a phone.
const maxPage = 120 << 10

func TestSizeOfThePage(t *testing.T) {
	t.Parallel()
	var sum bytes.Buffer
	page := read(t, get(t, "/"))
	for _, one := range regexp.MustCompile(`\./(assets/[^"]+)"`).FindAllStringSubmatch(page, -1) {
		if _, err := io.Copy(&sum, get(t, "/"+one[1], "Accept-Encoding", "gzip").Body); err != nil {
			t.Fatal(err)
		}
	}
	if sum.Len() > maxPage {
		t.Errorf("the page has %d bytes, more than %d", sum.Len(), maxPage)
	}
}

func TestAcceptsGzip(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]bool{
		"": false, "gzip": true, "br, GZIP": true, "gzip;q=0.5": true, "gzip; q=0": false, "gzip;q=0.000": false, "br": false, "xgzip": false,
	} {
		if got := acceptsGzip([]string{field}); got != want {
			t.Errorf("%q: %t, want %t", field, got, want)
		}
	}
}
