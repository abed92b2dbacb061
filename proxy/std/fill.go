package std

import (
	"context"
	"errors"
	"time"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/policy"
)

// errNothing reports that no content has arrived in the given time.
var errNothing = errors.New("nothing has arrived")

// fill returns nil once enough of the content has arrived (policy.FirstContent), or there
// is a place for a partial request. The content is kept behind the head. A client that
// waits to be asked for its content is asked by the instance, or without such a place
// here and now.
func (x *exchange) fill() error {
	if x.filled() {
		return nil
	}
	if x.kind != policy.NoCall && !x.expects {
		return x.fillCall()
	}
	if x.expects {
		if x.takePartial() {
			return nil
		}
		x.asked = true
		if x.client.proceed() != nil {
			return context.Canceled
		}
	}
	silence := x.lane.clock.limit(x.rules.BodyTimeout)
	for !x.filled() {
		wait := x.lane.clock.wait()
		payload, done, err := x.client.readWithin(policy.FirstContentWait)
		switch {
		case errors.Is(err, errNothing):
			if halted := x.cause(nil); halted != nil {
				return halted
			}
			if x.takePartial() {
				return nil
			}
			if time.Now().After(silence.deadline()) {
				if _, ok := silence.extend(); !ok {
					return policy.ErrSlowBody
				}
			}
		case err != nil:
			return x.cause(err)
		default:
			silence = x.lane.clock.limit(x.rules.BodyTimeout)
			x.keepContent(payload, done)
		}
		if x.pace.TooSlow(wait.took(), int64(len(payload)), x.rules.MinRate, x.rules.BodyTimeout) {
			return policy.ErrSlowBody
		}
	}
	return nil
}

// filled reports whether enough of the content has arrived.
func (x *exchange) filled() bool {
	return x.readsAll() || x.outcome.BytesIn >= policy.FirstContent
}

// keepContent adds payload to the bytes that are sent to the instance. done reports
// whether it completes the content.
func (x *exchange) keepContent(payload []byte, done bool) {
	x.outcome.BytesIn += int64(len(payload))
	x.appendContent(payload, done)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.readAll = done
}

// appendContent adds payload behind the head.
func (x *exchange) appendContent(payload []byte, done bool) {
	if need := len(x.head) + len(payload) + contentRoom; need > cap(x.head) {
		larger := getBuffer(max(need, 2*cap(x.head)))
		n := copy(larger, x.head)
		putBuffer(x.head[:cap(x.head)])
		x.head = larger[:n]
	}
	if done && x.chunked && x.trailers {
		x.head = forward.AppendLast(x.head, payload, x.client.trailer())
		return
	}
	x.head = forward.AppendContent(x.head, payload, x.chunked, done)
}

// takePartial takes a place for a partial request. It reports whether there was one.
func (x *exchange) takePartial() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.partial = x.app.TakePartial()
	return x.partial
}

// dropPartial gives the place of a partial request back, if it has one.
func (x *exchange) dropPartial() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.dropPartialLocked()
}

func (x *exchange) dropPartialLocked() {
	if x.partial {
		x.partial = false
		x.app.DropPartial()
	}
}

// tooSlow notes that n bytes of the content have arrived. It reports whether the client
// sends too slowly. A client that gets the response already may be waiting for a part of
// it, and that of a call for what it will send next.
func (x *exchange) tooSlow(wait wait, n int) bool {
	x.mu.Lock()
	answering := x.answering
	x.mu.Unlock()
	return !answering && x.kind == policy.NoCall && x.pace.TooSlow(wait.took(), int64(n), x.rules.MinRate, x.rules.BodyTimeout)
}
