//go:build linux

package eventloop

import "math/bits"

const (
	// tickBits makes a tick of 2^24 ns, 17 ms: how late a timer may be.
	tickBits = 24
	// slots is how many ticks the wheel has: 69 s. A timer that is due later is moved
	// on when its slot comes round.
	slots = 4096
)

// Timer is a deadline of its owner. To move a deadline to a later time, as every request
// does several times, costs an assignment only.
type Timer struct {
	// Owner is called when the timer is due.
	Owner interface{ Expired() }

	at         int64 // when it is due, in nanoseconds of the loop's clock; 0: never
	tick       int64 // the tick in whose slot it is; 0: in none
	prev, next *Timer
}

// IsClear reports whether the timer is not due.
func (t *Timer) IsClear() bool { return t.at == 0 }

// Clear makes the timer not due.
func (t *Timer) Clear() { t.at = 0 }

// wheel holds the timers of a loop, each in the slot of a tick that is not after
// its deadline.
type wheel struct {
	done  int64 // the last tick that is over
	heads [slots]*Timer
	used  [slots / 64]uint64 // which slots have timers
}

// set makes t due at the given time.
func (w *wheel) set(t *Timer, at int64) {
	t.at = at
	tick := at>>tickBits + 1
	switch {
	case t.tick == 0:
		w.file(t, tick)
	case tick < t.tick:
		w.take(t)
		w.file(t, tick)
	}
}

// file puts t into the slot of a tick, or of the last one before it that there is.
func (w *wheel) file(t *Timer, tick int64) {
	tick = min(max(tick, w.done+1), w.done+slots-1)
	slot := tick % slots
	t.tick = tick
	t.prev, t.next = nil, w.heads[slot]
	if t.next != nil {
		t.next.prev = t
	}
	w.heads[slot] = t
	w.used[slot/64] |= 1 << (slot % 64)
}

// take takes t out of its slot, if it is in one.
func (w *wheel) take(t *Timer) {
	if t.tick == 0 {
		return
	}
	slot := t.tick % slots
	if t.next != nil {
		t.next.prev = t.prev
	}
	if t.prev != nil {
		t.prev.next = t.next
	} else if w.heads[slot] = t.next; t.next == nil {
		w.used[slot/64] &^= 1 << (slot % 64)
	}
	t.tick, t.prev, t.next = 0, nil, nil
}

// advance calls the owners of the timers that are due.
func (w *wheel) advance(now int64) {
	for last := now >> tickBits; w.done < last; {
		next := w.next()
		if next < 0 || next > last {
			w.done = last
			return
		}
		slot := next % slots
		for t := w.heads[slot]; t != nil; t = w.heads[slot] {
			w.take(t)
			switch {
			case t.at == 0:
			case t.at <= now:
				t.at = 0
				t.Owner.Expired()
			default:
				w.done = max(w.done, next) // so that it is filed ahead
				w.file(t, t.at>>tickBits+1)
			}
		}
		w.done = next
	}
}

// next returns the first tick whose slot has timers, or -1.
func (w *wheel) next() int64 {
	first := w.done + 1
	slot := first % slots
	word := w.used[slot/64] >> (slot % 64)
	if word != 0 {
		return first + int64(bits.TrailingZeros64(word))
	}
	ahead := 64 - slot%64
	for i := int64(1); i <= slots/64; i++ {
		if word := w.used[(slot/64+i)%(slots/64)]; word != 0 {
			return first + ahead + int64(bits.TrailingZeros64(word))
		}
		ahead += 64
	}
	return -1
}

// until returns how long nothing is due, in milliseconds; -1: nothing is due.
func (w *wheel) until(now int64) int {
	next := w.next()
	if next < 0 {
		return -1
	}
	return int(max(0, next<<tickBits-now)/1e6) + 1
}
