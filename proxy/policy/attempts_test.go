package policy

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

// purse is a Budget of so many retries.
type purse int

func (p *purse) Retry() bool {
	*p--
	return *p >= 0
}

func broken(change func(*BrokenError)) error {
	e := &BrokenError{Cause: io.EOF, Sent: true}
	change(e)
	return e
}

func reused(e *BrokenError) { e.Reused = true }

var (
	errConnRefused = &ConnectError{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}
	errTimedOut    = &ConnectError{context.DeadlineExceeded}
)

// TestNext is the retry rule, case by case.
func TestNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, method string
		content      bool
		err          error
		want         Step
	}{
		{"refused", "POST", true, errConnRefused, Another},
		{"timed out", "POST", true, errTimedOut, Another},
		{"no descriptors", "GET", false, &ConnectError{syscall.EMFILE}, Fail},
		{"nothing sent", "POST", true, broken(func(e *BrokenError) { e.Sent, e.Reused = false, true }), Resend},
		{"nothing sent on a new connection", "POST", true, broken(func(e *BrokenError) { e.Sent = false }), Another},
		{"nothing sent, content consumed", "POST", true, broken(func(e *BrokenError) { e.Sent, e.Reused, e.Consumed = false, true, true }), Fail},
		{"GET", "GET", false, broken(reused), Resend},
		{"PUT", "PUT", false, broken(reused), Resend},
		{"GET on a new connection", "GET", false, broken(func(*BrokenError) {}), CheckAlive},
		{"GET with content", "GET", true, broken(reused), Fail},
		{"POST", "POST", false, broken(reused), Fail},
		{"PATCH", "PATCH", false, broken(reused), Fail},
		{"unknown method", "FOO", false, broken(reused), Fail},
		{"lower case", "get", false, broken(reused), Fail},
		{"response begun", "GET", false, broken(func(e *BrokenError) { e.Reused, e.Received = true, true }), Fail},
		{"late", "GET", false, broken(func(e *BrokenError) { e.Reused, e.After = true, ResendWithin }), CheckAlive},
		{"no response in time", "GET", false, broken(func(e *BrokenError) { e.Reused, e.Cause = true, context.DeadlineExceeded }), Fail},
		{"implicated in the end of the instance", "GET", false, broken(func(e *BrokenError) { e.Reused, e.Implicated = true, true }), Fail},
		{"client gone", "GET", false, broken(func(e *BrokenError) { e.Reused, e.Cause = true, context.Canceled }), Fail},
		{"client gone while connecting", "GET", false, &ConnectError{context.Canceled}, Fail},
		{"bad request", "GET", false, errors.New("invalid header"), Fail},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			budget := purse(1)
			a := Begin(c.method, c.content, &budget)
			d := a.Next(c.err)
			if d.Step != c.want {
				t.Errorf("step %d, want %d", d.Step, c.want)
			}
			if c.want == Fail && !errors.Is(d.Err, c.err) {
				t.Errorf("fails with %v, want %v", d.Err, c.err)
			}
			if retries := c.want == Resend || c.want == Another; retries != (budget == 0) {
				t.Errorf("budget is %d after step %d", budget, d.Step)
			}
			budget = 0
			if a := Begin(c.method, c.content, &budget); a.Next(c.err).Step != c.want && c.want != Resend && c.want != Another {
				t.Errorf("step %d without a budget, want %d", d.Step, c.want)
			}
			if a := Begin(c.method, c.content, &budget); c.want != CheckAlive && a.Next(c.err).Step != Fail {
				t.Error("tried again without a budget")
			}
		})
	}
}

// TestSequences: what happens to a request that fails again and again.
func TestSequences(t *testing.T) {
	t.Parallel()
	fresh := broken(func(*BrokenError) {})
	unsent := broken(func(e *BrokenError) { e.Sent, e.Reused = false, true })
	type event struct {
		err  error
		find Liveness // what CheckAlive finds out; only without err
		want Step
	}
	for name, events := range map[string][]event{
		"sent twice to one instance, which is alive": {{err: broken(reused), want: Resend}, {err: fresh, want: CheckAlive}, {find: Alive, want: Fail}},
		"sent twice to one instance, which is dead":  {{err: broken(reused), want: Resend}, {err: fresh, want: CheckAlive}, {find: Dead, want: Another}},
		"sent twice on idle connections":             {{err: broken(reused), want: Resend}, {err: broken(reused), want: CheckAlive}},
		"outlives one instance, not two":             {{err: fresh, want: CheckAlive}, {find: ConnRefused, want: Another}, {err: fresh, want: Fail}},
		"outlives one, resent to the next":           {{err: fresh, want: CheckAlive}, {find: Dead, want: Another}, {err: broken(reused), want: Resend}},
		"maybe delivered, then refused":              {{err: broken(reused), want: Resend}, {err: errConnRefused, want: CheckAlive}, {find: ConnRefused, want: Another}, {err: errConnRefused, want: Another}},
		"maybe delivered, and the reason of the end": {{err: broken(reused), want: Resend}, {err: errConnRefused, want: CheckAlive}, {find: Ended, want: Fail}},
		"the reason of the end":                      {{err: fresh, want: CheckAlive}, {find: Ended, want: Fail}},
		"maybe delivered twice, then refused":        {{err: fresh, want: CheckAlive}, {find: Dead, want: Another}, {err: broken(reused), want: Resend}, {err: errConnRefused, want: Fail}},
		"not delivered, then refused":                {{err: unsent, want: Resend}, {err: errConnRefused, want: Another}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			budget := purse(100)
			a := Begin("GET", false, &budget)
			for i, event := range events {
				checking := a.Checking()
				if checking != (event.err == nil) {
					t.Fatalf("event %d: checking %t", i, checking)
				}
				var d Decision
				if event.err != nil {
					d = a.Next(event.err)
				} else {
					d = a.Checked(event.find)
				}
				if d.Step != event.want {
					t.Fatalf("event %d: step %d, want %d", i, d.Step, event.want)
				}
			}
		})
	}
}

// TestResends: a request that no connection to its instance takes is not sent to it
// without end, although each time another request has made a new one.
func TestResends(t *testing.T) {
	t.Parallel()
	budget := purse(100)
	a := Begin("POST", true, &budget)
	untaken := broken(func(e *BrokenError) { e.Sent, e.Unprocessed, e.Reused = false, true, true })
	for i := range MaxClaims {
		if d := a.Next(untaken); d.Step != Resend {
			t.Fatalf("step %d after attempt %d", d.Step, i+1)
		}
	}
	if d := a.Next(untaken); d.Step != Fail {
		t.Errorf("step %d after attempt %d, want none", d.Step, MaxClaims+1)
	}
}

// TestClaims: a request is tried on a bounded number of instances, and resending
// it to the same one does not count.
func TestClaims(t *testing.T) {
	t.Parallel()
	budget := purse(100)
	a := Begin("POST", true, &budget)
	for i := 1; i < MaxClaims; i++ {
		if d := a.Next(broken(func(e *BrokenError) { e.Sent, e.Reused = false, true })); d.Step != Resend || a.Claims() != i {
			t.Fatalf("step %d after claim %d of %d", d.Step, a.Claims(), i)
		}
		if d := a.Next(errConnRefused); d.Step != Another || !d.ConnRefused {
			t.Fatalf("step %d after claim %d", d.Step, i)
		}
	}
	if d := a.Next(errConnRefused); d.Step != Fail || a.Claims() != MaxClaims || budget != 100-2*(MaxClaims-1) {
		t.Errorf("step %d after claim %d, %d retries left", d.Step, a.Claims(), budget)
	}
}

// TestBlame: what is held against the instance, and what is not.
func TestBlame(t *testing.T) {
	t.Parallel()
	const noResponse = "the instance closed the connection without a response"
	connect := func(err error) error { return &ConnectError{&net.OpError{Op: "dial", Err: err}} }
	hungUp := broken(func(*BrokenError) {})
	for _, c := range []struct {
		name   string
		method string
		err    error
		want   string
	}{
		{"refused", "GET", errConnRefused, ""},
		{"no descriptors", "GET", connect(syscall.EMFILE), ""},
		{"client gone while connecting", "GET", connect(context.Canceled), ""},
		{"reset while connecting", "GET", connect(syscall.ECONNRESET), "it cannot be reached: connection reset by peer"},
		{"connecting takes too long", "GET", connect(context.DeadlineExceeded), "it cannot be reached: connection timed out"},
		{"connecting fails oddly", "GET", connect(errors.New("odd")), "it cannot be reached"},
		{"no response", "GET", hungUp, noResponse},
		{"no response to a POST", "POST", hungUp, noResponse},
		{"no response to what Bun does not know", "FOO", hungUp, ""},
		{"idle connection was closed", "GET", broken(reused), ""},
		{"idle connection was closed after 10 s", "GET", broken(func(e *BrokenError) { e.Reused, e.After = true, 2*ResendWithin }), noResponse},
		{"half a head", "FOO", broken(func(e *BrokenError) { e.Cause, e.Received, e.Reused = io.ErrUnexpectedEOF, true, true }), "the instance closed the connection in the middle of the response header"},
		{"nonsense", "GET", broken(func(e *BrokenError) { e.Cause, e.Received = &http1.Error{Status: 502}, true }), "the instance sent an invalid response"},
		{"no response in time", "GET", broken(func(e *BrokenError) { e.Cause = context.DeadlineExceeded }), "it did not respond in time"},
		{"client gone", "GET", broken(func(e *BrokenError) { e.Cause = context.Canceled }), ""},
		{"bad request", "GET", errors.New("net/http: invalid header"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			budget := purse(0)
			a := Begin(c.method, false, &budget)
			d := a.Next(c.err)
			if d.Step == CheckAlive {
				if d.Blame != "" || d.ConnRefused {
					t.Errorf("%+v before it is known whether the instance is alive", d)
				}
				dead := a
				if d := dead.Checked(ConnRefused); d.Blame != "" || !d.ConnRefused {
					t.Errorf("%+v of an instance that refuses", d)
				}
				d = a.Checked(Alive)
			}
			if d.Blame != c.want {
				t.Errorf("blame %q, want %q", d.Blame, c.want)
			}
		})
	}
}
