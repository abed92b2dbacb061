package http2

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"

	oracle "golang.org/x/net/http2"

	"github.com/dynlb/dynlb/proxy/http1"
)

// TestViolations checks the error for each frame that a client must not send. Stream 1
// is open, 3 is half-closed, and 5 was given up.
func TestViolations(t *testing.T) {
	t.Parallel()
	raw := func(kind oracle.FrameType, flags oracle.Flags, id uint32, payload string) func(*oracle.Framer) {
		return func(f *oracle.Framer) { _ = f.WriteRawFrame(kind, flags, id, []byte(payload)) }
	}
	block := string(encode(get()...))
	for name, c := range map[string]struct {
		write  func(*oracle.Framer)
		stream Code // RST_STREAM
		conn   Code // GOAWAY
	}{
		"DATA on stream 0":                  {raw(0, 0, 0, "abc"), 0, ProtocolError},
		"DATA for an idle stream":           {raw(0, 0, 7, "abc"), 0, ProtocolError},
		"DATA on a half-closed stream":      {raw(0, 0, 3, "abc"), StreamClosed, 0},
		"DATA on a closed stream":           {raw(0, 0, 5, "abc"), StreamClosed, 0},
		"DATA, too much padding":            {raw(0, flagPadded, 1, "\x03ab"), 0, ProtocolError},
		"DATA, no pad length":               {raw(0, flagPadded, 1, ""), 0, FrameSizeError},
		"HEADERS on stream 0":               {raw(1, flagEndHeaders, 0, block), 0, ProtocolError},
		"HEADERS on an even stream":         {raw(1, flagEndHeaders, 2, block), 0, ProtocolError},
		"HEADERS on a half-closed stream":   {raw(1, flagEndHeaders|flagEndStream, 3, block), StreamClosed, 0},
		"HEADERS on a closed stream":        {raw(1, flagEndHeaders, 5, block), 0, StreamClosed},
		"HEADERS, malformed block":          {raw(1, flagEndHeaders, 7, "\xff\xff\xff\xff\xff"), 0, CompressionError},
		"HEADERS, short block":              {raw(1, flagEndHeaders, 7, "\x40\x05ab"), 0, CompressionError},
		"HEADERS, too much padding":         {raw(1, flagEndHeaders|flagPadded, 7, "\xffab"), 0, ProtocolError},
		"HEADERS, short priority":           {raw(1, flagEndHeaders|flagPriority, 7, "ab"), 0, FrameSizeError},
		"HEADERS, depends on itself":        {raw(1, flagEndHeaders|flagPriority, 7, "\x00\x00\x00\x07\x00"+block), ProtocolError, 0},
		"PRIORITY on stream 0":              {raw(2, 0, 0, "abcde"), 0, ProtocolError},
		"PRIORITY, wrong length":            {raw(2, 0, 1, "abcd"), FrameSizeError, 0},
		"PRIORITY, depends on itself":       {raw(2, 0, 9, "\x00\x00\x00\x09a"), ProtocolError, 0},
		"RST_STREAM on stream 0":            {raw(3, 0, 0, "abcd"), 0, ProtocolError},
		"RST_STREAM for an idle stream":     {raw(3, 0, 7, "abcd"), 0, ProtocolError},
		"RST_STREAM, wrong length":          {raw(3, 0, 1, "abc"), 0, FrameSizeError},
		"SETTINGS on a stream":              {raw(4, 0, 1, ""), 0, ProtocolError},
		"SETTINGS, wrong length":            {raw(4, 0, 0, "abcde"), 0, FrameSizeError},
		"SETTINGS, acknowledged with more":  {raw(4, flagAck, 0, "abcdef"), 0, FrameSizeError},
		"SETTINGS, push":                    {raw(4, 0, 0, "\x00\x02\x00\x00\x00\x02"), 0, ProtocolError},
		"SETTINGS, window":                  {raw(4, 0, 0, "\x00\x04\x80\x00\x00\x00"), 0, FlowControlError},
		"SETTINGS, frame too small":         {raw(4, 0, 0, "\x00\x05\x00\x00\x3f\xff"), 0, ProtocolError},
		"SETTINGS, frame too large":         {raw(4, 0, 0, "\x00\x05\x01\x00\x00\x00"), 0, ProtocolError},
		"PUSH_PROMISE":                      {raw(5, flagEndHeaders, 1, "abcd"), 0, ProtocolError},
		"PING on a stream":                  {raw(6, 0, 1, "abcdefgh"), 0, ProtocolError},
		"PING, wrong length":                {raw(6, 0, 0, "abcdefg"), 0, FrameSizeError},
		"GOAWAY on a stream":                {raw(7, 0, 1, "abcdefgh"), 0, ProtocolError},
		"GOAWAY, wrong length":              {raw(7, 0, 0, "abcdefg"), 0, FrameSizeError},
		"WINDOW_UPDATE of 0":                {raw(8, 0, 0, "\x00\x00\x00\x00"), 0, ProtocolError},
		"WINDOW_UPDATE of 0 on a stream":    {raw(8, 0, 1, "\x00\x00\x00\x00"), ProtocolError, 0},
		"WINDOW_UPDATE, too much":           {raw(8, 0, 0, "\x7f\xff\xff\xff"), 0, FlowControlError},
		"WINDOW_UPDATE, too much, stream":   {raw(8, 0, 1, "\x7f\xff\xff\xff"), FlowControlError, 0},
		"WINDOW_UPDATE for an idle stream":  {raw(8, 0, 7, "\x00\x00\x00\x01"), 0, ProtocolError},
		"WINDOW_UPDATE, wrong length":       {raw(8, 0, 1, "abc"), 0, FrameSizeError},
		"CONTINUATION without HEADERS":      {raw(9, flagEndHeaders, 1, block), 0, ProtocolError},
		"PRIORITY_UPDATE on a stream":       {raw(16, 0, 1, "\x00\x00\x00\x01u=1"), 0, ProtocolError},
		"PRIORITY_UPDATE without a stream":  {raw(16, 0, 0, "\x00\x00\x00\x00u=1"), 0, ProtocolError},
		"PRIORITY_UPDATE, too short":        {raw(16, 0, 0, "abc"), 0, FrameSizeError},
		"frame too long":                    {raw(0, 0, 1, strings.Repeat("a", maxFrame+1)), 0, FrameSizeError},
		"unknown frame":                     {raw(77, 0xff, 1, "abc"), 0, 0},
		"RST_STREAM on a closed stream":     {raw(3, 0, 5, "abcd"), 0, 0},
		"WINDOW_UPDATE on a closed stream":  {raw(8, 0, 5, "\x00\x00\x00\x01"), 0, 0},
		"WINDOW_UPDATE, half-closed stream": {raw(8, 0, 3, "\x00\x00\x00\x01"), 0, 0},
		"unknown setting":                   {raw(4, 0, 0, "\x00\x77\x80\x00\x00\x00"), 0, 0},
		"unknown frame within header block": {func(f *oracle.Framer) { raw(1, 0, 7, block)(f); raw(77, 0, 7, "")(f) }, 0, ProtocolError},
		"DATA within header block":          {func(f *oracle.Framer) { raw(1, 0, 7, block)(f); raw(0, 0, 1, "")(f) }, 0, ProtocolError},
		"CONTINUATION of another stream":    {func(f *oracle.Framer) { raw(1, 0, 7, block)(f); raw(9, 4, 1, "")(f) }, 0, ProtocolError},
		"more content than the length":      {func(f *oracle.Framer) { open(f, 7, false, get("content-length", "2")...); raw(0, 0, 7, "abc")(f) }, ProtocolError, 0},
		"less content than the length":      {func(f *oracle.Framer) { open(f, 7, false, get("content-length", "4")...); raw(0, 1, 7, "abc")(f) }, ProtocolError, 0},
		"more streams than allowed": {func(f *oracle.Framer) {
			open(f, 7, true, get()...)
			open(f, 9, true, get()...)
			open(f, 11, true, get()...)
		}, RefusedStream, 0},
		"content beyond a stream's window": {func(f *oracle.Framer) { large(f, 1, testConfig.StreamWindow+1) }, FlowControlError, 0},
		"content beyond the window": {func(f *oracle.Framer) {
			open(f, 7, false, get()...)
			large(f, 1, 64<<10)
			large(f, 7, 64<<10)
			raw(0, 0, 1, "a")(f)
		}, 0, FlowControlError},
		"CONTINUATION flood": {func(f *oracle.Framer) {
			raw(1, 0, 7, block)(f)
			for range 50 {
				raw(9, 0, 7, "")(f)
			}
		}, 0, EnhanceYourCalm},
		"header block without end": {func(f *oracle.Framer) {
			raw(1, 0, 7, block)(f)
			for range 50 {
				raw(9, 0, 7, strings.Repeat(block, 300))(f)
			}
		}, 0, EnhanceYourCalm},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.take = false
			if err := s.feed(t, func(f *oracle.Framer) {
				open(f, 1, false, get()...)
				open(f, 3, true, get()...)
				open(f, 5, false, get()...)
				_ = f.WriteRSTStream(5, oracle.ErrCodeCancel)
			}); err != nil {
				t.Fatal(err)
			}
			s.TakeOutput()
			err := s.feed(t, c.write)
			if violation, ok := errors.AsType[*Error](err); ok != (c.conn != 0) || ok && violation.Code != c.conn {
				t.Errorf("error %v, want code %d", err, c.conn)
			}
			sent := strings.Join(s.frames(t), ", ")
			if got := strings.Contains(sent, "reset "); got != (c.stream != 0) || got && !resetWith(sent, c.stream) {
				t.Errorf("sent %s, want RST_STREAM %d", sent, c.stream)
			}
			if got := strings.Contains(sent, "goaway "); got != (c.conn != 0) {
				t.Errorf("sent %s, want GOAWAY %d", sent, c.conn)
			}
		})
	}
}

// resetWith reports whether a stream was reset with a code.
func resetWith(sent string, code Code) bool {
	return regexp.MustCompile(`reset \d+ ` + strconv.Itoa(int(code)) + `\b`).MatchString(sent)
}

// large sends n bytes of content.
func large(f *oracle.Framer, id uint32, n int) {
	for ; n > 0; n -= maxFrame {
		_ = f.WriteData(id, false, make([]byte, min(n, maxFrame)))
	}
}

// TestPreface checks what a client must send first.
func TestPreface(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		code Code
	}{
		"no preface":         {"GET / HTTP/1.1\r\n\r\n", ProtocolError},
		"no SETTINGS":        {http1.Preface + "\x00\x00\x08\x06\x00\x00\x00\x00\x00abcdefgh", ProtocolError},
		"SETTINGS with ACK":  {http1.Preface + "\x00\x00\x00\x04\x01\x00\x00\x00\x00", ProtocolError},
		"SETTINGS":           {http1.Preface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00", 0},
		"a part of it":       {http1.Preface[:10], 0},
		"no frame behind it": {http1.Preface, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{now: 1}
			s.Conn = New(s, testConfig)
			_, err := s.Receive([]byte(c.text), 1)
			if violation, ok := errors.AsType[*Error](err); ok != (c.code != 0) || ok && violation.Code != c.code {
				t.Errorf("got %v", err)
			}
			if sent := s.frames(t); (len(sent) > 0) != strings.HasPrefix(c.text, http1.Preface) {
				t.Errorf("sent %q", sent)
			}
		})
	}
}

// TestFloods checks that frames that carry nothing have a limit, which time and
// responses raise.
func TestFloods(t *testing.T) {
	t.Parallel()
	id := uint32(1)
	for name, c := range map[string]struct {
		write func(*oracle.Framer)
		limit int // within one moment
	}{
		"rapid reset":   {func(f *oracle.Framer) { open(f, id, true, get()...); _ = f.WriteRSTStream(id, 8); id += 2 }, 400},
		"own errors":    {func(f *oracle.Framer) { open(f, id, true, get("te", "x")...); id += 2 }, 400},
		"PING":          {func(f *oracle.Framer) { _ = f.WritePing(false, [8]byte{}) }, 400},
		"SETTINGS":      {func(f *oracle.Framer) { _ = f.WriteSettings() }, 200},
		"unknown frame": {func(f *oracle.Framer) { _ = f.WriteRawFrame(99, 0, 0, nil) }, 400},
		"PRIORITY":      {func(f *oracle.Framer) { _ = f.WritePriority(99, oracle.PriorityParam{}) }, 4000},
		"WINDOW_UPDATE": {func(f *oracle.Framer) { _ = f.WriteWindowUpdate(0, 1) }, 4000},
		"empty DATA": {func(f *oracle.Framer) {
			if id == 1 {
				open(f, id, false, get()...)
			}
			id = 3
			_ = f.WriteData(1, false, nil)
		}, 800},
	} {
		id = 1
		s := newServer(t)
		n := 0
		for n < 10*c.limit && s.feed(t, c.write) == nil {
			n++
		}
		if n < c.limit*9/10 || n > c.limit {
			t.Errorf("%s: %d accepted, want about %d", name, n, c.limit)
		}
		if got := s.frames(t); !strings.HasSuffix(got[len(got)-1], " 11") {
			t.Errorf("%s: sent %s last", name, got[len(got)-1])
		}
		id = 1
		s = newServer(t)
		for range 2 * c.limit {
			s.now += 20e6
			if err := s.feed(t, c.write); err != nil {
				t.Fatalf("%s: slowly: %v", name, err)
			}
		}
	}
}
