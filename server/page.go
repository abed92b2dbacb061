package server

import (
	"net/http"
	"strings"
)

// indexOrPage answers clients that ask for HTML, which are browsers, with the dashboard,
// and all others with the list of the paths.
func indexOrPage(page, index http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept")
		if strings.Contains(strings.Join(r.Header.Values("Accept"), ","), "text/html") {
			page.ServeHTTP(w, r)
			return
		}
		index.ServeHTTP(w, r)
	})
}
