package policy

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
)

// TestCallTimeout checks what the values of grpc-timeout mean.
func TestCallTimeout(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"1H": time.Hour, "2M": 2 * time.Minute, "3S": 3 * time.Second, "4m": 4 * time.Millisecond, "5u": 5 * time.Microsecond, "6n": 6,
		"0n": 0, "00000010S": 10 * time.Second, "99999999H": 876_000 * time.Hour,
		"": -1, "S": -1, "1": -1, "1s": -1, "-1S": -1, "1.5S": -1, "100000000S": -1,
	} {
		r := http1.NewRequest(http1.Limits{})
		if _, err := r.Parse([]byte("POST / HTTP/1.1\r\nHost: a\r\nGrpc-Timeout: " + value + "\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if got, ok := CallTimeout(r); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %v %t, want %v", value, got, ok, want)
		}
	}
}

// TestDeadlineFault checks the answer to a call whose deadline has passed.
func TestDeadlineFault(t *testing.T) {
	t.Parallel()
	for waiting, source := range map[bool]outcome.Source{false: outcome.Instance, true: outcome.Dynlb} {
		err := &DeadlineError{Limit: time.Second, Waiting: waiting}
		f := FaultOf(err, "")
		if status, _ := f.GRPCStatus(err); f.Code != 504 || f.Source != source || status != grpcDeadlineExceeded {
			t.Errorf("waiting %t: %+v, status %d", waiting, f, status)
		}
	}
}
