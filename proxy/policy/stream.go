package policy

import (
	"bytes"
	"net/http"

	"github.com/dynlb/dynlb/proxy/http1"
)

// What a response of server-sent events says of itself.
var (
	contentType = []byte("content-type")
	eventStream = []byte("text/event-stream")
)

// IsStream reports whether the response is a stream: it may go on for hours without any
// work for the instance (see registry.Lease.Stream). That is so of a switch of protocols
// and of server-sent events.
func IsStream(r *http1.Response) bool {
	if r.Status == http.StatusSwitchingProtocols {
		return true
	}
	if r.Framing != http1.Chunked && r.Framing != http1.UntilClose { // it ends when its length says so
		return false
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		if len(f.Name) == len(contentType) && bytes.EqualFold(f.Name, contentType) {
			media, _, _ := bytes.Cut(f.Value, []byte(";"))
			return bytes.EqualFold(bytes.TrimSpace(media), eventStream)
		}
	}
	return false
}
