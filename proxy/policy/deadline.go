package policy

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
)

var timeoutName = []byte("grpc-timeout")

// maxTimeoutDigits is how many digits a timeout of gRPC has at most.
const maxTimeoutDigits = 8

// CallTimeout returns how long the client of a call of gRPC waits, and whether it has said
// so. A value that is malformed says nothing.
func CallTimeout(r *http1.Request) (limit time.Duration, ok bool) {
	for i := range r.Fields {
		f := &r.Fields[i]
		if len(f.Name) == len(timeoutName) && bytes.EqualFold(f.Name, timeoutName) {
			return parseTimeout(f.Value)
		}
	}
	return 0, false
}

// parseTimeout reads digits and a unit.
func parseTimeout(v []byte) (limit time.Duration, ok bool) {
	last := len(v) - 1
	if last < 1 || last > maxTimeoutDigits {
		return 0, false
	}
	n := int64(0)
	for _, c := range v[:last] {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	unit, ok := timeoutUnits[v[last]]
	if !ok {
		return 0, false
	}
	return time.Duration(min(n, int64(maxTimeout/unit))) * unit, true
}

// maxTimeout is as good as no limit, and can be added to any time.
const maxTimeout = 100 * 365 * 24 * time.Hour

var timeoutUnits = map[byte]time.Duration{
	'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
}

// DeadlineError says that the time is over that the client of a call of gRPC has set for it.
type DeadlineError struct {
	Limit time.Duration
	// Waiting tells that the call was with no instance.
	Waiting bool
}

// Error returns the limit.
func (e *DeadlineError) Error() string { return fmt.Sprintf("grpc-timeout of %v", e.Limit) }

// fault returns the answer.
func (e *DeadlineError) fault() Fault {
	f := Fault{
		Code: http.StatusGatewayTimeout, Message: "the deadline of the call has passed", Reason: e.Error(), Source: outcome.Instance,
	}
	if e.Waiting {
		f.Message, f.Source = "the deadline of the call has passed before an instance was free", outcome.Dynlb
	}
	return f
}
