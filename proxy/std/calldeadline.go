package std

import (
	"log/slog"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// callDeadline ends a call of gRPC at the time that its client has set for it, whatever the
// call waits for. The client may not do so by itself.
type callDeadline struct {
	timer *time.Timer
	fired chan struct{} // closed when the exchange was halted
}

// limitCall begins the time of a call, if its client has set one. It must be ended.
func (x *exchange) limitCall(r *http1.Request) {
	limit, ok := policy.CallTimeout(r)
	if x.kind == policy.NoCall || !ok {
		return
	}
	d := &callDeadline{fired: make(chan struct{})}
	x.deadline = d
	d.timer = time.AfterFunc(limit, func() {
		x.mu.Lock()
		waiting := x.connected == nil
		x.mu.Unlock()
		x.halt(&policy.DeadlineError{Limit: limit, Waiting: waiting})
		close(d.fired)
	})
}

// end ends the time of a call. When it returns, the exchange is not halted any more.
func (d *callDeadline) end() {
	if d != nil && !d.timer.Stop() {
		<-d.fired
	}
}

// expire ends a response because the time of its call is over.
func (d *download) expire(e *policy.DeadlineError) {
	d.abort()
	f := policy.FaultOf(e, "")
	d.outcome.Code, d.outcome.Source = f.Code, f.Source
	d.log(slog.LevelInfo, f.Message, e)
	client, ok := d.client.(caller)
	if !ok || d.kind != policy.GRPCCall {
		d.client.breakOff(false)
		return
	}
	client.endCall(f.GRPCStatus(e))
}
