package edge

import (
	"strconv"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

var serverTiming = newName("Server-Timing")

// Respond edits the head of a final response. queued is how long the request waited for
// an instance, and took how long that took to respond.
func (x *Exchange) Respond(r *http1.Response, queued, took time.Duration) {
	if x == nil {
		return
	}
	x.rules.fields.edit(&r.Head)
	if n := &x.rules.requestID; n.isSet() {
		drop(&r.Head, n)
		add(&r.Head, n, x.request.ID)
	}
	if x.rules.settings.Compress {
		x.varies(r)
	}
	if x.rules.settings.ServerTiming {
		add(&r.Head, &serverTiming, x.timing(queued, took))
	}
	x.rules.addHSTS(&r.Head)
}

// timing returns the value of Server-Timing. A second field of that name continues the
// one of the instance.
func (x *Exchange) timing(queued, took time.Duration) []byte {
	start := len(x.text)
	x.text = appendMilliseconds(append(x.text, "queue;dur="...), queued)
	x.text = appendMilliseconds(append(x.text, ", instance;dur="...), took)
	return x.text[start:len(x.text):len(x.text)]
}

func appendMilliseconds(b []byte, d time.Duration) []byte {
	return strconv.AppendFloat(b, float64(d)/float64(time.Millisecond), 'f', 1, 64)
}

// Dress edits the answer to a request that failed.
func (x *Exchange) Dress(f *policy.Fault) {
	if x == nil {
		return
	}
	var extras policy.Extras
	if f.Extras != nil {
		extras = *f.Extras
	}
	x.rules.fields.dress(&extras)
	if n := &x.rules.requestID; n.isSet() {
		extras.Fields = append(extras.Fields, [2]string{string(n.sent), x.ID()})
	}
	if hsts := x.rules.hsts; hsts != nil {
		extras.Fields = append(extras.Fields, [2]string{string(strictTransport.sent), string(hsts)})
	}
	x.dressPage(f, &extras)
	f.Extras = &extras
}
