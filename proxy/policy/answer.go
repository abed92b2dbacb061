package policy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// body returns the content of the answer: the fault as JSON, unless it has another.
func (f Fault) body() []byte {
	if f.Extras != nil && f.Extras.Content != nil {
		return f.Extras.Content
	}
	b, _ := json.Marshal(struct {
		Error  string `json:"error"`
		Reason string `json:"reason,omitempty"`
		Key    string `json:"key,omitempty"`
	}{f.Message, f.Reason, f.Key}) // encoding strings does not fail
	return append(b, '\n')
}

// Length returns how many bytes of content the answer has; head tells that the request is a
// HEAD.
func (f Fault) Length(head bool) int64 {
	if head || f.Code == StatusClientClosed {
		return 0
	}
	return int64(len(f.body()))
}

// fields returns the header fields of a response with the given body. allow is the
// list of methods in a 405, "" for those that a reverse proxy forwards.
func (f Fault) fields(body []byte, allow string) [][2]string {
	mediaType := "application/json"
	if f.Extras != nil && f.Extras.Content != nil {
		mediaType = f.Extras.Type
	}
	fields := [][2]string{
		{"Content-Type", mediaType},
		{"Content-Length", strconv.Itoa(len(body))},
	}
	switch f.Code {
	case http.StatusMethodNotAllowed:
		if allow == "" {
			allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
		}
		fields = append(fields, [2]string{"Allow", allow})
	case http.StatusNotImplemented:
		fields = append(fields, [2]string{"Connection", "close"}) // what follows a CONNECT is not HTTP
	}
	if f.RetryAfter > 0 {
		fields = append(fields, [2]string{"Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds()))})
	}
	if f.Extras != nil {
		fields = append(fields, f.Extras.Fields...)
	}
	return fields
}

// Write sends the fault. An Allow field that is already set stays.
func (f Fault) Write(w http.ResponseWriter) {
	body := f.body()
	for _, field := range f.fields(body, w.Header().Get("Allow")) {
		w.Header().Set(field[0], field[1])
	}
	w.WriteHeader(f.Code)
	_, _ = w.Write(body) // it fails only if the client is gone
}

// Append appends the fault to b as a whole response of HTTP/1.1. head tells that the
// request is a HEAD, to which the response has no content; last that the response is
// the last one on its connection, as a 501 always is.
func (f Fault) Append(b []byte, head, last bool) []byte {
	body := f.body()
	b = fmt.Appendf(b, "HTTP/1.1 %d %s\r\nDate: %s\r\n",
		f.Code, http.StatusText(f.Code), time.Now().UTC().Format(http.TimeFormat))
	for _, field := range f.fields(body, "") {
		b = fmt.Appendf(b, "%s: %s\r\n", field[0], field[1])
	}
	if last && f.Code != http.StatusNotImplemented {
		b = append(b, "Connection: close\r\n"...)
	}
	b = append(b, "\r\n"...)
	if head {
		return b
	}
	return append(b, body...)
}
