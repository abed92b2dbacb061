package proxy

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/dynlb/dynlb/proxy/http1"
)

// dropFields removes from h, the header that the instance gets, the fields with
// an underscore in their name: behind a CGI-like interface X_Forwarded_For is
// X-Forwarded-For.
func dropFields(h http.Header) {
	for name := range h {
		if strings.Contains(name, "_") {
			delete(h, name)
		}
	}
}

// keepFields puts back into h the fields that ReverseProxy removed because the
// client named them in Connection, though that is not for the client to say.
func keepFields(h, in http.Header) {
	for _, value := range in["Connection"] {
		for name := range strings.SplitSeq(value, ",") {
			name = http.CanonicalHeaderKey(strings.Trim(name, " \t"))
			if v := in[name]; len(v) > 0 && http1.Permanent([]byte(name)) {
				h[name] = v
			}
		}
	}
}

// strip lets go of what a request holds that is refused, but for the beginning of
// its path: a client that does not read the answer would have it kept, and one
// that sends many would fill the log.
func strip(r *http.Request) {
	const enough = 100
	path := strings.Clone(r.URL.Path[:min(len(r.URL.Path), enough)])
	r.URL, r.RequestURI, r.Host = &url.URL{Path: path}, "", ""
	clear(r.Header)
}

// errSplit says that a field of an HTTP/2 request would be more than one in HTTP/1.
var errSplit = &http1.Error{Status: http.StatusBadRequest, Reason: "line end in a header field"}

// checkStream reads a request of HTTP/2 as if it had come in HTTP/1.1, so that
// what counts there counts here: what its target, host and fields may be, and
// how many. What only matters to HTTP/2 net/http has checked.
func (g *guard) checkStream(r *http.Request) error {
	buffer := buffers{}.Get()
	defer buffers{}.Put(buffer)
	b := buffer[:0]
	for _, s := range []string{r.Method, " ", r.RequestURI, " HTTP/1.1\r\nHost: ", r.Host, "\r\n"} {
		b = append(b, s...)
	}
	for name, values := range r.Header {
		for _, value := range values {
			for _, s := range []string{name, ": ", value, "\r\n"} {
				b = append(b, s...)
			}
		}
	}
	b = append(b, "\r\n"...)
	requests := &g.rules.Load().requests
	request := requests.Get().(*http1.Request)
	defer requests.Put(request)
	defer request.Reset()
	n, err := request.Parse(b)
	if err == nil && n != len(b) {
		err = errSplit
	}
	return err
}
