package accesslog

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/outcome"
)

// described is an outcome with everything in it.
func described() *outcome.Outcome {
	return &outcome.Outcome{
		App: "shop", Method: []byte("GET"), Route: []byte("/a"), Client: "10.0.0.1", Instance: "i1", Code: 502, Source: outcome.Instance,
		Queued: 2 * time.Millisecond, Attempts: 2, BytesIn: 3, BytesOut: 5, Duration: 1500 * time.Millisecond,
		Request: &outcome.Request{
			ID: []byte("r1"), Client: []byte("192.0.2.1"), User: []byte("ann"), Query: []byte("?q=1"), Host: []byte("a.example"),
			Minor: 1, Referer: []byte("http://r/"), UserAgent: []byte(`x "y"`),
		},
	}
}

var now = time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)

// TestFormats: whole lines of each format.
func TestFormats(t *testing.T) {
	t.Parallel()
	http2 := described()
	http2.Request.HTTP2 = true
	http3 := described()
	http3.Request.HTTP3 = true
	for _, c := range []struct {
		s    Settings
		o    *outcome.Outcome
		want string
	}{
		{
			Settings{Format: JSON},
			described(),
			`{"time":"2026-11-28T08:00:00.000Z","app":"shop","client":"192.0.2.1","user":"ann","method":"GET","path":"/a","host":"a.example",` +
				`"protocol":"HTTP/1.1","status":502,"bytesIn":3,"bytesOut":5,"duration":1.500000,"queued":0.002000,"attempts":2,"instance":"i1",` +
				`"errorSource":"instance","requestID":"r1","referer":"http://r/","userAgent":"x \"y\""}`,
		},
		{
			Settings{Format: JSON, Query: true},
			http2,
			`{"time":"2026-11-28T08:00:00.000Z","app":"shop","client":"192.0.2.1","user":"ann","method":"GET","path":"/a","query":"?q=1","host":"a.example",` +
				`"protocol":"HTTP/2.0","status":502,"bytesIn":3,"bytesOut":5,"duration":1.500000,"queued":0.002000,"attempts":2,"instance":"i1",` +
				`"errorSource":"instance","requestID":"r1","referer":"http://r/","userAgent":"x \"y\""}`,
		},
		{
			Settings{Format: JSON},
			&outcome.Outcome{Code: 400, Client: "10.0.0.1", Source: outcome.Client},
			`{"time":"2026-11-28T08:00:00.000Z","client":"10.0.0.1","status":400,"bytesIn":0,"bytesOut":0,"duration":0.000000,"queued":0.000000,"attempts":0,"errorSource":"client"}`,
		},
		{
			Settings{Format: Combined},
			described(),
			`192.0.2.1 - ann [28/Nov/2026:08:00:00 +0000] "GET /a HTTP/1.1" 502 5 "http://r/" "x \x22y\x22"`,
		},
		{
			Settings{Format: Combined, Query: true},
			http2,
			`192.0.2.1 - ann [28/Nov/2026:08:00:00 +0000] "GET /a?q=1 HTTP/2.0" 502 5 "http://r/" "x \x22y\x22"`,
		},
		{
			Settings{Format: Combined},
			http3,
			`192.0.2.1 - ann [28/Nov/2026:08:00:00 +0000] "GET /a HTTP/3.0" 502 5 "http://r/" "x \x22y\x22"`,
		},
		{
			Settings{Format: Combined},
			&outcome.Outcome{Code: 400},
			`- - - [28/Nov/2026:08:00:00 +0000] "" 400 0 "-" "-"`,
		},
	} {
		if got := string(c.s.append(nil, c.o, now)); got != c.want+"\n" {
			t.Errorf("%+v:\ngot  %swant %s", c.s, got, c.want)
		}
	}
}

// TestHostileBytes: whatever bytes a client sends, a line is one line and its fields stay
// what they are.
func TestHostileBytes(t *testing.T) {
	t.Parallel()
	combined := regexp.MustCompile(`^[^ ]+ - [^ ]+ \[[^\]]+\] "GET [^" ]+ HTTP/1\.1" 200 0 "[^"]+" "[^"]+"\n$`)
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		text := make([]byte, 1+random.IntN(20))
		for i := range text {
			text[i] = byte(random.IntN(256))
		}
		o := &outcome.Outcome{
			Method: []byte("GET"), Route: []byte("/"), Code: 200,
			Request: &outcome.Request{Minor: 1, Client: []byte("1.1.1.1"), Host: text, Referer: text, UserAgent: text},
		}
		line := (&Settings{Format: JSON}).append(nil, o, now)
		var got struct{ Host, Referer string }
		if err := json.Unmarshal(line, &got); err != nil || strings.Count(string(line), "\n") != 1 {
			t.Fatalf("%q gives %s: %v", text, line, err)
		}
		if want := strings.ToValidUTF8(string(text), "\uFFFD"); strings.ReplaceAll(got.Host, "\uFFFD", "") != strings.ReplaceAll(want, "\uFFFD", "") {
			t.Fatalf("%q became %q", text, got.Host)
		}
		if line := (&Settings{Format: Combined}).append(nil, o, now); !combined.Match(line) {
			t.Fatalf("%q gives %s", text, line)
		}
	}
}
