package http2

import (
	"fmt"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

// ledger is a CallHandler that checks the calls of its methods.
type ledger struct {
	t      *testing.T
	caller *Caller
	over   map[*Call]bool
	unpaid map[*Call]int
}

func (l *ledger) Response(c *Call, b []byte, payload int) {
	if l.over[c] {
		l.t.Error("bytes after the end of a response")
	}
	if payload > len(b) {
		l.t.Errorf("%d bytes of content in %d", payload, len(b))
	}
	l.unpaid[c] += payload
}

func (l *ledger) Over(c *Call, _ error) {
	if l.over[c] {
		l.t.Error("a response is over twice")
	}
	l.over[c] = true
}

func (l *ledger) Writable(*Call) {}

// FuzzCaller: whatever a server sends, the Caller keeps to its promises and does not panic,
// in whatever pieces it arrives.
func FuzzCaller(f *testing.F) {
	block := func(fields ...byte) []byte { return fields }
	var seed []byte
	seed = appendFrame(seed, 0, frameSettings, 0, 0)
	seed = append(appendFrame(seed, 1, frameHeaders, flagEndHeaders, 1), block(0x88)...)
	seed = append(appendFrame(seed, 3, frameData, flagEndStream, 1), "abc"...)
	seed = append(appendFrame(seed, 1, frameHeaders, flagEndHeaders|flagEndStream, 3), block(0x89)...)
	seed = append(appendFrame(seed, 8, framePing, 0, 0), "12345678"...)
	f.Add(seed, uint8(7))
	f.Add(append(appendFrame(nil, 0, frameSettings, 0, 0), append(appendFrame(nil, 8, frameGoAway, 0, 0), 0, 0, 0, 1, 0, 0, 0, 0)...), uint8(1))
	f.Add(append(appendFrame(nil, 0, frameSettings, 0, 0), append(appendFrame(nil, 4, frameReset, 0, 1), 0, 0, 0, 7)...), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		l := &ledger{t: t, over: map[*Call]bool{}, unpaid: map[*Call]int{}}
		c := NewCaller(l, CallerConfig{StreamWindow: 1 << 16, ConnWindow: 1 << 20, Block: 1 << 14})
		l.caller = c
		r := http1.NewRequest(http1.Limits{})
		begin := func(method string) {
			r.Reset()
			text := fmt.Sprintf("%s / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\r\n", method)
			if _, err := r.Parse([]byte(text)); err != nil {
				t.Fatal(err)
			}
			c.Begin(&Call{Owner: l}, r)
		}
		var held []byte
		for len(b) > 0 {
			if c.Free() > 90 {
				begin([]string{"POST", "HEAD"}[len(b)%2])
			}
			n := min(int(piece)+1, len(b))
			held = append(held, b[:n]...)
			b = b[n:]
			used, err := c.Receive(held)
			if err != nil {
				return
			}
			held = held[used:]
			for call, unpaid := range l.unpaid {
				c.Taken(call, unpaid)
				l.unpaid[call] = 0
			}
			c.TakeOutput(nil)
		}
		if c.receive < 0 || c.Calls() > MaxCalls {
			t.Errorf("window %d, %d calls", c.receive, c.Calls())
		}
	})
}
