package http2

import (
	"regexp"
	"strings"
	"testing"

	oracle "golang.org/x/net/http2"
)

// anyKey is the key that the request for a WebSocket gets: 16 bytes in base64.
var anyKey = regexp.MustCompile(`key: [A-Za-z0-9+/]{22}==`)

// webSocketFields are the fields of a request for a WebSocket.
func webSocketFields(more ...string) []string {
	return append([]string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/", ":authority", "a"}, more...)
}

// TestRequestHead checks what becomes of the fields of a request.
func TestRequestHead(t *testing.T) {
	t.Parallel()
	const first = "GET / HTTP/1.1\nhost: a\n"
	const upgrade = first + "connection: upgrade\nupgrade: websocket\nsec-websocket-key: key\n"
	for name, c := range map[string]struct {
		fields []string
		end    bool
		want   string // "": the stream is reset
	}{
		"plain":                    {get("x", "1"), true, first + "x: 1\n"},
		"no content":               {get("content-length", "0"), true, first + "content-length: 0\n"},
		"content of unknown size":  {get(), false, first + "transfer-encoding: chunked\n"},
		"content of known size":    {get("content-length", "3"), false, first + "content-length: 3\n"},
		"content is missing":       {get("content-length", "3"), true, ""},
		"two lengths":              {get("content-length", "3", "content-length", "4"), false, ""},
		"odd length":               {get("content-length", "+3"), false, ""},
		"huge length":              {get("content-length", "9223372036854775808"), false, ""},
		"cookies":                  {get("cookie", "a=1", "x", "1", "cookie", "b=2"), true, first + "x: 1\ncookie: a=1; b=2\n"},
		"priority":                 {get("priority", "u=1, i"), true, first + "priority: u=1, i\n"},
		"TE":                       {get("te", "trailers"), true, first + "te: trailers\n"},
		"host repeats authority":   {get("host", "A"), true, first},
		"another host":             {get("host", "b"), true, first + "host: b\n"},
		"host twice":               {get("host", "a", "host", "a"), true, first + "host: a\n"},
		"host for the authority":   {[]string{":method", "GET", ":scheme", "http", ":path", "/", "host", "b"}, true, "GET / HTTP/1.1\nhost: b\n"},
		"empty authority":          {[]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "", "host", "b"}, true, "GET / HTTP/1.1\nhost: b\n"},
		"asterisk":                 {[]string{":method", "OPTIONS", ":scheme", "http", ":path", "*", ":authority", "a"}, true, "OPTIONS * HTTP/1.1\nhost: a\n"},
		"CONNECT":                  {[]string{":method", "CONNECT", ":authority", "a:1"}, true, "CONNECT a:1 HTTP/1.1\nhost: a:1\n"},
		"CONNECT with a path":      {[]string{":method", "CONNECT", ":authority", "a:1", ":path", "/", ":scheme", "http"}, true, ""},
		"TE other than trailers":   {get("te", "gzip"), true, ""},
		"connection":               {get("connection", "close"), true, ""},
		"keep-alive":               {get("keep-alive", "5"), true, ""},
		"proxy-connection":         {get("proxy-connection", "close"), true, ""},
		"transfer-encoding":        {get("transfer-encoding", "chunked"), false, ""},
		"upgrade":                  {get("upgrade", "websocket"), true, ""},
		"capital letter":           {get("X", "1"), true, ""},
		"name with a space":        {get("x ", "1"), true, ""},
		"empty name":               {get("", "1"), true, ""},
		"name with a colon":        {get("x:y", "1"), true, ""},
		"line end in a value":      {get("x", "1\r\ny: 2"), true, ""},
		"LF in a value":            {get("x", "1\ny: 2"), true, ""},
		"NUL in a value":           {get("x", "1\x00"), true, ""},
		"space before a value":     {get("x", " 1"), true, ""},
		"tab behind a value":       {get("x", "1\t"), true, ""},
		"line end in the path":     {[]string{":method", "GET", ":scheme", "http", ":path", "/ HTTP/1.1\r\nx: ", ":authority", "a"}, true, ""},
		"line end in authority":    {[]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a\r\nx: 1"}, true, ""},
		"space in the method":      {[]string{":method", "GET /", ":scheme", "http", ":path", "/", ":authority", "a"}, true, ""},
		"no method":                {[]string{":scheme", "http", ":path", "/"}, true, ""},
		"no scheme":                {[]string{":method", "GET", ":path", "/"}, true, ""},
		"no path":                  {[]string{":method", "GET", ":scheme", "http"}, true, ""},
		"another scheme":           {[]string{":method", "GET", ":scheme", "ftp", ":path", "/"}, true, ""},
		"empty path":               {[]string{":method", "GET", ":scheme", "http", ":path", ""}, true, ""},
		"path without slash":       {[]string{":method", "GET", ":scheme", "http", ":path", "a"}, true, ""},
		"method twice":             {get(":method", "GET"), true, ""},
		"pseudo field too late":    {[]string{":method", "GET", ":scheme", "http", "x", "1", ":path", "/"}, true, ""},
		"unknown pseudo field":     {append([]string{":x", "1"}, get()...), true, ""},
		"field of a response":      {append([]string{":status", "200"}, get()...), true, ""},
		"WebSocket":                {webSocketFields("x", "1"), false, upgrade + "x: 1\n"},
		"WebSocket, ended":         {webSocketFields(), true, upgrade},
		"WebSocket with a key":     {webSocketFields("sec-websocket-key", "x", "sec-websocket-version", "13"), false, upgrade + "sec-websocket-version: 13\n"},
		"WebSocket with a length":  {webSocketFields("content-length", "0"), false, ""},
		"WebSocket with upgrade":   {webSocketFields("upgrade", "websocket"), false, ""},
		"WebSocket without path":   {[]string{":method", "CONNECT", ":scheme", "http", ":authority", "a", ":protocol", "websocket"}, false, ""},
		"WebSocket without host":   {[]string{":method", "CONNECT", ":scheme", "http", ":path", "/", ":protocol", "websocket"}, false, ""},
		"WebSocket, asterisk":      {[]string{":method", "CONNECT", ":scheme", "http", ":path", "*", ":authority", "a", ":protocol", "websocket"}, false, ""},
		"another protocol":         {[]string{":method", "CONNECT", ":scheme", "http", ":path", "/", ":authority", "a", ":protocol", "connect-udp"}, false, "CONNECT a HTTP/1.1\nhost: a\n"},
		"malformed protocol":       {[]string{":method", "CONNECT", ":scheme", "http", ":path", "/", ":authority", "a", ":protocol", "web socket"}, false, ""},
		"protocol twice":           {webSocketFields(":protocol", "websocket"), false, ""},
		"key without WebSocket":    {get("sec-websocket-key", "x"), true, first + "sec-websocket-key: x\n"},
		"protocol without CONNECT": {append([]string{":protocol", "websocket"}, get()...), true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			if err := s.feed(t, func(f *oracle.Framer) { open(f, 1, c.end, c.fields...) }); err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				want(t, "events", s.events)
				want(t, "sent", s.frames(t), "reset 1 1")
				return
			}
			head := strings.ReplaceAll(c.want+"\n", "\n", `\r\n`)
			s.events[0] = anyKey.ReplaceAllString(s.events[0], "key: key")
			want(t, "events", s.events, `request 1 "`+strings.ReplaceAll(head, `"`, `\"`)+`" `+map[bool]string{true: "true", false: "false"}[c.end])
			want(t, "sent", s.frames(t))
		})
	}
}

// TestRequestTooLarge checks that the head of a request is cut off behind its limit, so
// that the Handler sees that it is too long.
func TestRequestTooLarge(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	fields := get()
	for range 100 {
		fields = append(fields, "x", strings.Repeat("a", 1000), "cookie", strings.Repeat("b", 1000))
	}
	block := encode(fields...)
	err := s.feed(t, func(f *oracle.Framer) {
		_ = f.WriteHeaders(oracle.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true, EndStream: true})
		open(f, 3, true, get()...)
	})
	if err != nil || len(s.events) != 2 {
		t.Fatalf("%v, %q", err, s.events)
	}
	if n := len(s.events[0]); n < testConfig.Block || n > testConfig.Block+3000 {
		t.Errorf("head has %d bytes", n)
	}
}

// TestTrailers checks that the trailer section of a request ends it.
func TestTrailers(t *testing.T) {
	t.Parallel()
	const request = `request 1 "GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" false`
	for name, c := range map[string]struct {
		end    bool
		fields []string
		ok     bool
	}{
		"good":           {true, []string{"x", "1"}, true},
		"without an end": {false, []string{"x", "1"}, false},
		"pseudo field":   {true, []string{":path", "/"}, false},
		"capital letter": {true, []string{"X", "/"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			err := s.feed(t, func(f *oracle.Framer) {
				open(f, 1, false, get()...)
				_ = f.WriteData(1, false, []byte("abc"))
				open(f, 1, c.end, c.fields...)
			})
			if err != nil {
				t.Fatal(err)
			}
			last := `content 1 "" true`
			if !c.ok {
				last = "closed 1 1"
			}
			want(t, "events", s.events, request, `content 1 "abc" false`, last)
		})
	}
}

// TestPriority checks the priority of a request, and a change of it.
func TestPriority(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	err := s.feed(t, func(f *oracle.Framer) {
		open(f, 1, true, get()...)
		open(f, 3, true, get("priority", "u=1, i")...)
		open(f, 5, true, get("priority", "u=9, j;x, u=\"1\", i=?0,")...)
		_ = f.WriteRawFrame(0x10, 0, 0, []byte("\x00\x00\x00\x01u=0,i=?1"))
		_ = f.WriteRawFrame(0x10, 0, 0, []byte("\x00\x00\x00\x03i"))
		_ = f.WriteRawFrame(0x10, 0, 0, []byte("\x00\x00\x00\x09u=0"))
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, wanted := range []Stream{{Urgency: 0, Incremental: true}, {Urgency: 3, Incremental: true}, {Urgency: 3}} {
		if got := s.requests[i]; got.Urgency != wanted.Urgency || got.Incremental != wanted.Incremental {
			t.Errorf("stream %d: %d %t", got.ID(), got.Urgency, got.Incremental)
		}
	}
}
