package edge

import (
	"strconv"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
)

var strictTransport = newName("Strict-Transport-Security")

// maxAge returns the value of Strict-Transport-Security (RFC 6797, 6.1), nil for no such
// field.
func maxAge(d time.Duration) []byte {
	if d <= 0 {
		return nil
	}
	return strconv.AppendInt([]byte("max-age="), int64(d/time.Second), 10)
}

// addHSTS adds Strict-Transport-Security to the head of a response, unless the instance
// has sent its own.
func (rules *Rules) addHSTS(h *http1.Head) {
	if rules.hsts == nil {
		return
	}
	for i := range h.Fields {
		if is(h.Fields[i].Name, strictTransport.lower) {
			return
		}
	}
	add(h, &strictTransport, rules.hsts)
}
