package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/route"
)

// TestForwardedStandard: an app that wants Forwarded gets one, in HTTP/1.1 and HTTP/2.
func TestForwardedStandard(t *testing.T) {
	t.Parallel()
	address := server(t, func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprintf(w, "%q", r.Header["Forwarded"]) })
	f := newProxy(t, setup{instances: []string{address}, options: proxy.Options{Settings: proxy.Settings{TrustedProxies: networks("127.0.0.1/32")}}})
	f.app.Configure(route.Settings{RequestTimeout: patience, Forwarded: true})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for field, want := range map[string]string{
			"":                `for=127.0.0.1;host="a.test:8";proto=` + scheme(),
			"X-Forwarded-For": `for=9.9.9.9, for=127.0.0.1;host="a.test:8";proto=` + scheme(),
			"Forwarded":       `for=9.9.9.9, for=127.0.0.1;host="a.test:8";proto=` + scheme(),
		} {
			r := newRequest(t, http.MethodGet, f.url, nil)
			r.Host = "a.test:8"
			switch field {
			case "Forwarded":
				r.Header.Set(field, "for=9.9.9.9")
			case "X-Forwarded-For":
				r.Header.Set(field, "9.9.9.9")
			}
			res := do(t, client, r)
			body, err := io.ReadAll(res.Body)
			if err != nil || string(body) != fmt.Sprintf("%q", []string{want}) {
				t.Errorf("%s: %v, got %s, want %s", field, err, body, want)
			}
		}
	})
}
