package http2

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

// TestCallerViolations: a frame of a server that is malformed, or at a wrong place, ends the
// connection with the code that RFC 9113 has for it.
func TestCallerViolations(t *testing.T) {
	t.Parallel()
	frame := func(kind frameType, flags uint8, stream uint32, payload string) []byte {
		return append(appendFrame(nil, len(payload), kind, flags, stream), payload...)
	}
	open := frame(frameHeaders, 0, 1, "\x88")
	for name, c := range map[string]struct {
		sent []byte
		want Code
	}{
		"RST_STREAM on stream 0":           {frame(frameReset, 0, 0, "abcd"), ProtocolError},
		"RST_STREAM for an idle stream":    {frame(frameReset, 0, 7, "abcd"), ProtocolError},
		"RST_STREAM, wrong length":         {frame(frameReset, 0, 1, "abc"), FrameSizeError},
		"SETTINGS on a stream":             {frame(frameSettings, 0, 1, ""), ProtocolError},
		"SETTINGS, wrong length":           {frame(frameSettings, 0, 0, "abcde"), FrameSizeError},
		"SETTINGS, acknowledged with more": {frame(frameSettings, flagAck, 0, "abcdef"), FrameSizeError},
		"SETTINGS, window":                 {frame(frameSettings, 0, 0, "\x00\x04\x80\x00\x00\x00"), FlowControlError},
		"SETTINGS, frame too small":        {frame(frameSettings, 0, 0, "\x00\x05\x00\x00\x3f\xff"), ProtocolError},
		"SETTINGS, frame too large":        {frame(frameSettings, 0, 0, "\x00\x05\x01\x00\x00\x00"), ProtocolError},
		"PING on a stream":                 {frame(framePing, 0, 1, "abcdefgh"), ProtocolError},
		"PING, wrong length":               {frame(framePing, 0, 0, "abcdefg"), FrameSizeError},
		"GOAWAY on a stream":               {frame(frameGoAway, 0, 1, "abcdefgh"), ProtocolError},
		"GOAWAY, wrong length":             {frame(frameGoAway, 0, 0, "abcdefg"), FrameSizeError},
		"WINDOW_UPDATE, wrong length":      {frame(frameWindow, 0, 0, "abc"), FrameSizeError},
		"WINDOW_UPDATE of 0":               {frame(frameWindow, 0, 0, "\x00\x00\x00\x00"), ProtocolError},
		"WINDOW_UPDATE, too large":         {frame(frameWindow, 0, 0, "\x7f\xff\xff\xff"), FlowControlError},
		"HEADERS, short priority":          {frame(frameHeaders, flagEndHeaders|flagPriority, 1, "ab"), FrameSizeError},
		"HEADERS, malformed block":         {frame(frameHeaders, flagEndHeaders, 1, "\xff\xff\xff\xff\xff"), CompressionError},
		"HEADERS, short block":             {frame(frameHeaders, flagEndHeaders, 1, "\x40\x05ab"), CompressionError},
		"CONTINUATION alone":               {frame(frameContinuation, 0, 1, "\x88"), ProtocolError},
		"CONTINUATION of another stream":   {slices.Concat(open, frame(frameContinuation, 0, 3, "\x88")), ProtocolError},
		"a PING in a block":                {slices.Concat(open, frame(framePing, 0, 0, "abcdefgh")), ProtocolError},
		"a block of empty frames":          {slices.Concat(open, bytes.Repeat(frame(frameContinuation, 0, 1, ""), 17)), EnhanceYourCalm},
		"DATA for an idle stream":          {frame(frameData, 0, 7, "abc"), ProtocolError},
	} {
		l := &ledger{t: t, over: map[*Call]bool{}, unpaid: map[*Call]int{}}
		caller, _ := beginCall(t, l, CallerConfig{StreamWindow: 1 << 16, ConnWindow: 1 << 20, Block: 1 << 14})
		_, err := caller.Receive(c.sent)
		if got, ok := errors.AsType[*Error](err); !ok || got.Code != c.want {
			t.Errorf("%s: %v, want HTTP/2 error %d", name, err, c.want)
		}
	}
}

// TestInterimIsBounded: informational responses have no window, so their size is bounded.
func TestInterimIsBounded(t *testing.T) {
	t.Parallel()
	const limit = 1 << 14
	l := &ledger{t: t, over: map[*Call]bool{}, unpaid: map[*Call]int{}}
	caller, call := beginCall(t, l, CallerConfig{StreamWindow: 1 << 16, ConnWindow: 1 << 20, Block: limit})
	field := appendField(appendStatus(nil, 103), []byte("link"), bytes.Repeat([]byte("^"), 1000))
	early := append(appendFrame(nil, len(field), frameHeaders, flagEndHeaders, call.id), field...)
	taken := 0
	for ; !l.over[call] && taken <= 2*limit; taken += len(early) {
		if _, err := caller.Receive(early); err != nil {
			t.Fatal(err)
		}
	}
	if taken < limit/2 || taken > 2*limit {
		t.Errorf("%d bytes of informational responses were taken, the limit is %d", taken, limit)
	}
}

// beginCall returns a Caller whose server has sent its settings, with one call.
func beginCall(t *testing.T, l *ledger, config CallerConfig) (*Caller, *Call) {
	t.Helper()
	caller := NewCaller(l, config)
	if _, err := caller.Receive(appendFrame(nil, 0, frameSettings, 0, 0)); err != nil {
		t.Fatal(err)
	}
	r := http1.NewRequest(http1.Limits{})
	if _, err := r.Parse([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	call := &Call{Owner: l}
	caller.Begin(call, r)
	return caller, call
}
