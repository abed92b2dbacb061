package std

import "net/http"

// sessionWriter is the http.ResponseWriter of a request of HTTP/3. It sends no Connection
// field, which HTTP/3 does not allow (RFC 9114, 4.2) and the server does not take out.
type sessionWriter struct{ http.ResponseWriter }

// WriteHeader sends the head of a response, or keeps it until there is content.
func (w sessionWriter) WriteHeader(code int) {
	w.Header().Del("Connection")
	w.ResponseWriter.WriteHeader(code)
}
