package http1_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

// parseRequest parses a head in which \n stands for a line end, and returns its
// length.
func parseRequest(t testing.TB, limits http1.Limits, text string) (*http1.Request, int, error) {
	t.Helper()
	r := http1.NewRequest(limits)
	n, err := r.Parse(wireText(text))
	return r, n, err
}

// verdict is "ok", "more", or the reason of an error with its status.
func verdict(n int, err error) string {
	switch e, _ := err.(*http1.Error); { //nolint:errorlint // Parse returns no other
	case e != nil:
		return e.Reason
	case n == 0:
		return "more"
	default:
		return "ok"
	}
}

func TestRequestLine(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"GET / HTTP/1.1":              "ok",
		"GET / HTTP/1.0":              "ok",
		"GET / HTTP/1.9":              "ok",
		"!#$%&'*+-.^_`|~9 / HTTP/1.1": "ok",
		" GET / HTTP/1.1":             "method is not a token",
		"GET,/ HTTP/1.1":              "method is not a token",
		"GET":                         "method is not a token",
		"\x80GET / HTTP/1.1":          "method is not a token",
		"GET /":                       "request line has no HTTP version",
		"GET / ":                      "malformed HTTP version",
		"GET / HTTP/1.1 ":             "malformed HTTP version",
		"GET / HTTP/1.10":             "malformed HTTP version",
		"GET / HTTP/11.1":             "malformed HTTP version",
		"GET / HTTP/1,1":              "malformed HTTP version",
		"GET / HTTP/a.1":              "malformed HTTP version",
		"GET / HTTP/1.a":              "malformed HTTP version",
		"GET / http/1.1":              "malformed HTTP version",
		"GET / HTTP /1.1":             "malformed HTTP version",
		"GET / HTTP/0.9":              "HTTP version is not supported",
		"GET / HTTP/2.0":              "HTTP version is not supported",
		"GET / HTTP/9.9":              "HTTP version is not supported",
		"GET / HTTP/1.1\rX":           "CR without LF",
		"GET /a\tb HTTP/1.1":          "invalid character in request target",
		"GET /a\x7f HTTP/1.1":         "invalid character in request target",
		"GET /a\xc3\xa9 HTTP/1.1":     "invalid character in request target",
		"GET /a#b HTTP/1.1":           "request target has a fragment",
		"GET # HTTP/1.1":              "request target has a fragment",
		"GET  HTTP/1.1":               "request target is empty",
	} {
		_, n, err := parseRequest(t, http1.Limits{}, line+"\nHost: a\n\n")
		if got := verdict(n, err); got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}

func TestRequestTarget(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, target string
		want           string
		form           http1.Form
		path, host     string
	}{
		{"GET", "/", "ok", http1.OriginForm, "/", "a"},
		{"GET", "/x/../y;z?a=b&c", "ok", http1.OriginForm, "/x/../y;z?a=b&c", "a"},
		{"GET", "//b/c", "ok", http1.OriginForm, "//b/c", "a"},
		{"GET", "/http://b/c", "ok", http1.OriginForm, "/http://b/c", "a"},
		{"GET", "/%41%c3%A9?%zz", "ok", http1.OriginForm, "/%41%c3%A9?%zz", "a"},
		{"GET", "/p|q{r}^`\"<>\\[]", "ok", http1.OriginForm, "/p|q{r}^`\"<>\\[]", "a"},
		{"GET", "/%", "invalid percent-encoding in path", 0, "", ""},
		{"GET", "/%4", "invalid percent-encoding in path", 0, "", ""},
		{"GET", "/%4g", "invalid percent-encoding in path", 0, "", ""},
		{"GET", "/%g4", "invalid percent-encoding in path", 0, "", ""},
		{"GET", "/%4?1", "invalid percent-encoding in path", 0, "", ""},
		{"GET", "http://b/x/%zz", "invalid percent-encoding in path", 0, "", ""},
		{"GET", "http://b", "ok", http1.AbsoluteForm, "", "b"},
		{"GET", "HTTPS://b:80/x?y", "ok", http1.AbsoluteForm, "/x?y", "b:80"},
		{"GET", "http://[::1]:8080/", "ok", http1.AbsoluteForm, "/", "[::1]:8080"},
		{"GET", "http://b?q/r", "ok", http1.AbsoluteForm, "?q/r", "b"},
		{"OPTIONS", "http://b", "ok", http1.AbsoluteForm, "*", "b"},
		{"OPTIONS", "http://b/", "ok", http1.AbsoluteForm, "/", "b"},
		{"OPTIONS", "*", "ok", http1.AsteriskForm, "*", "a"},
		{"GET", "*", "request target * is for OPTIONS", 0, "", ""},
		{"OPTIONS", "**", "request target must be a path or an http URL", 0, "", ""},
		{"GET", "http://u@b/", "request target has user information", 0, "", ""},
		{"GET", "http://u:p@b/", "request target has user information", 0, "", ""},
		{"GET", "http://b/u@c", "ok", http1.AbsoluteForm, "/u@c", "b"},
		{"GET", "http:///x", "malformed Host", 0, "", ""},
		{"GET", "http://b,c/", "malformed Host", 0, "", ""},
		{"GET", "http:/b/x", "request target must be a path or an http URL", 0, "", ""},
		{"GET", "http:b", "request target must be a path or an http URL", 0, "", ""},
		{"GET", "ftp://b/x", "request target must be a path or an http URL", 0, "", ""},
		{"GET", "ws://b/x", "request target must be a path or an http URL", 0, "", ""},
		{"GET", "b:80", "request target must be a path or an http URL", 0, "", ""},
		{"GET", "b/x", "request target must be a path or an http URL", 0, "", ""},
		{"GET", "?x", "request target must be a path or an http URL", 0, "", ""},
		{"CONNECT", "b:443", "ok", http1.AuthorityForm, "", "b:443"},
		{"CONNECT", "[::1]:443", "ok", http1.AuthorityForm, "", "[::1]:443"},
		{"CONNECT", "b", "request target of CONNECT must be host:port", 0, "", ""},
		{"CONNECT", "b:", "request target of CONNECT must be host:port", 0, "", ""},
		{"CONNECT", "/x", "request target of CONNECT must be host:port", 0, "", ""},
		{"CONNECT", "http://b:80", "request target of CONNECT must be host:port", 0, "", ""},
		{"connect", "b:443", "request target must be a path or an http URL", 0, "", ""},
	} {
		r, n, err := parseRequest(t, http1.Limits{}, c.method+" "+c.target+" HTTP/1.1\nHost: a\n\n")
		if got := verdict(n, err); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.method, c.target, got, c.want)
			continue
		}
		if err == nil && (r.Form != c.form || string(r.Path) != c.path || string(r.Host) != c.host || string(r.Target) != c.target) {
			t.Errorf("%s %s: form %d, path %q, host %q", c.method, c.target, r.Form, r.Path, r.Host)
		}
	}
}

func TestRequestFields(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]string{
		"X:\n":                      "ok",
		"X: \t a\tb \t\n":           "ok",
		"X: \x80\xff\n":             "ok",
		"!#$%&'*+-.^`|~9aZ: x\n":    "ok",
		"X: a\x00\n":                "invalid character in header field value",
		"X: \x1f\n":                 "invalid character in header field value",
		"X: 0123456789abcdef\x7f\n": "invalid character in header field value",
		"X: a\rb\n":                 "CR without LF",
		"X\x00: a\n":                "invalid character in header field name",
		"X\xe9: a\n":                "invalid character in header field name",
		"X(: a\n":                   "invalid character in header field name",
		"X : a\n":                   "space before the colon of a header field",
		"X\t: a\n":                  "space before the colon of a header field",
		"X\n":                       "header field has no colon",
		": a\n":                     "header field name is empty",
		" X: a\n":                   "header field is folded, or the first begins with a space",
		"X: a\n\tb\n":               "header field is folded, or the first begins with a space",
		"X: a\n \n":                 "header field is folded, or the first begins with a space",
		"\x01: a\n":                 "invalid character in header field name",
	} {
		_, n, err := parseRequest(t, http1.Limits{}, "GET / HTTP/1.1\nHost: a\n"+fields+"\n")
		if got := verdict(n, err); got != want {
			t.Errorf("%q: %s, want %s", fields, got, want)
		}
	}
}

// TestRequestBareLF: no line of a head may end in LF alone.
func TestRequestBareLF(t *testing.T) {
	t.Parallel()
	head := "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n"
	for i := range len(head) {
		if head[i] != '\r' {
			continue
		}
		r := http1.NewRequest(http1.Limits{})
		if n, err := r.Parse([]byte(head[:i] + head[i+1:])); err == nil {
			t.Errorf("without the CR at %d: %s", i, verdict(n, err))
		}
	}
}

func TestRequestEmptyLines(t *testing.T) {
	t.Parallel()
	const head = "GET / HTTP/1.1\nHost: a\n\n"
	if _, n, err := parseRequest(t, http1.Limits{}, ""); verdict(n, err) != "more" {
		t.Errorf("nothing: %s", verdict(n, err))
	}
	for _, c := range []struct{ before, want string }{
		{"", "ok"},
		{"\n", "ok"},
		{"\n\n", "method is not a token"},
		{" \n", "method is not a token"},
		{"\rX", "CR without LF"},
	} {
		if _, n, err := parseRequest(t, http1.Limits{}, c.before+head); verdict(n, err) != c.want {
			t.Errorf("%q before the request: %s, want %s", c.before, verdict(n, err), c.want)
		}
	}
	r := http1.NewRequest(http1.Limits{})
	if n, err := r.Parse([]byte("\n" + head)); verdict(n, err) != "method is not a token" {
		t.Errorf("LF before the request: %s", verdict(n, err))
	}
	if _, n, _ := parseRequest(t, http1.Limits{}, "\n"+head+"x"); n != len("\r\n")+len(wireText(head)) {
		t.Errorf("length %d with an empty line before", n)
	}
}

// TestRequestFieldValues: names and values stay as they were sent, in order.
func TestRequestFieldValues(t *testing.T) {
	t.Parallel()
	r, _, err := parseRequest(t, http1.Limits{}, "GET / HTTP/1.1\nhOsT: a\nX:1\nX: \t2 3\t \nY-y:\n\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range r.Fields {
		got = append(got, string(f.Name)+"="+string(f.Value))
	}
	if want := []string{"hOsT=a", "X=1", "X=2 3", "Y-y="}; !slices.Equal(got, want) {
		t.Errorf("fields %q, want %q", got, want)
	}
}

// TestRequestIDs: every special field is recognised, in any case, and a name that
// differs in one letter is not.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	names := []string{
		"", "Connection", "HTTP2-Settings", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
		"TE", "Trailer", "Transfer-Encoding", "Upgrade",
		"Content-Length", "Expect", "Forwarded", "Host", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP",
	}
	for id, name := range names {
		if name == "" || strings.EqualFold(name, "host") {
			continue
		}
		value := map[string]string{
			"Content-Length": "1", "Transfer-Encoding": "chunked", "Expect": "100-continue", "Connection": "x",
		}[name]
		if value == "" {
			value = "y"
		}
		for _, spelling := range []string{name, strings.ToUpper(name), strings.ToLower(name)} {
			r, _, err := parseRequest(t, http1.Limits{}, "GET / HTTP/1.1\nHost: a\n"+spelling+": "+value+"\n\n")
			if err != nil || r.Fields[1].ID != http1.FieldID(id) {
				t.Errorf("%s: %v, fields %+v", spelling, err, r.Fields)
				continue
			}
			if hop := http1.FieldID(id) <= http1.FieldUpgrade; r.Fields[1].Drop != hop {
				t.Errorf("%s: dropped %t", spelling, !hop)
			}
		}
		for i := range name {
			other := name[:i] + "q" + name[i+1:]
			r, _, err := parseRequest(t, http1.Limits{}, "GET / HTTP/1.1\nHost: a\n"+other+": y\n\n")
			if err != nil || r.Fields[1].ID != http1.FieldOther || r.Fields[1].Drop {
				t.Errorf("%s: %v, fields %+v", other, err, r.Fields)
			}
		}
	}
}

func TestRequestHostRules(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]string{
		"GET / HTTP/1.1\n":                         "Host is missing",
		"GET http://b/ HTTP/1.1\n":                 "Host is missing",
		"CONNECT b:80 HTTP/1.1\n":                  "Host is missing",
		"GET / HTTP/1.0\n":                         "ok",
		"GET / HTTP/1.0\nHost: a\nHost: a\n":       "more than one Host",
		"GET / HTTP/1.1\nHost: a\nX: y\nhost: a\n": "more than one Host",
		"GET / HTTP/1.1\nHost:\n":                  "malformed Host",
		"GET / HTTP/1.0\nHost:\n":                  "malformed Host",
		"GET http://b/ HTTP/1.1\nHost: a b\n":      "malformed Host",
		"GET http://b/ HTTP/1.1\nHost: a\n":        "ok",
	} {
		if _, n, err := parseRequest(t, http1.Limits{}, head+"\n"); verdict(n, err) != want {
			t.Errorf("%q: %s, want %s", head, verdict(n, err), want)
		}
	}
}

func TestRequestContinue(t *testing.T) {
	t.Parallel()
	for head, want := range map[string]bool{
		"POST / HTTP/1.1\nHost: a\nContent-Length: 1\nExpect: 100-Continue\n":          true,
		"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nExpect: 100-continue\n": true,
		"POST / HTTP/1.0\nHost: a\nContent-Length: 1\nExpect: 100-continue\n":          false,
		"GET / HTTP/1.1\nHost: a\nExpect: 100-continue\n":                              false,
	} {
		if r, n, err := parseRequest(t, http1.Limits{}, head+"\n"); n == 0 || r.Continue != want {
			t.Errorf("%q: %v, %t, want %t", head, err, r.Continue, want)
		}
	}
	for _, value := range []string{"", "100-continue, 100-continue", "100", "200-ok"} {
		if _, n, err := parseRequest(t, http1.Limits{}, "GET / HTTP/1.0\nExpect: "+value+"\n\n"); status(t, err) != 417 {
			t.Errorf("Expect %q: %s", value, verdict(n, err))
		}
	}
}
