package http1_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

func TestChunkGrammar(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0\n\n":                                     "",
		"5\nhello\n0\n\n":                           "hello",
		"5\nhello\n00000\n\n":                       "hello",
		"0000000000000005\nhello\n0\n\n":            "hello",
		"A\n0123456789\na\n0123456789\n0\n\n":       "01234567890123456789",
		"5;a=b;c=\"d;e\" ;f\t=\xe9\nhello\n0;x\n\n": "hello",
		"5;\nhello\n0;;\n\n":                        "hello",
		"0\nX: y\n\n":                               "",
		"0\nX:\nY:\tz\xff\n\n":                      "",
		"0\nContent-Length: 9\nHost: b\n\n":         "",
	} {
		body := chunkedBody(t)
		stream := wireText(text)
		n, got, err := readBody(&body, append(stream, "next"...), 1<<20)
		if n != len(stream) || got != want || err != nil || !body.Done() || body.End() != nil {
			t.Errorf("%q: %d of %d, %q, %v, done %t", text, n, len(stream), got, err, body.Done())
		}
	}
	for text, want := range map[string]string{
		"\n":                                 "malformed chunk size",
		"g\n":                                "malformed chunk size",
		"5g\n":                               "malformed chunk size",
		"-1\n":                               "malformed chunk size",
		"+1\n":                               "malformed chunk size",
		" 1\n":                               "malformed chunk size",
		"1 \n":                               "malformed chunk size",
		"1 ;a\n":                             "malformed chunk size",
		"1_0\n":                              "malformed chunk size",
		"0x1\n":                              "malformed chunk size",
		";a\n":                               "malformed chunk size",
		"1\x00\n":                            "malformed chunk size",
		"00000000000000001\n":                "chunk size is too large",
		"10000000000000001\n":                "chunk size is too large",
		"ffffffffffffffff\n":                 "chunk size is too large",
		"1000000000000000\n":                 "chunk size is too large",
		"5;a\x00\n":                          "invalid character in chunk extension",
		"5;a\x7f\n":                          "invalid character in chunk extension",
		"5;" + strings.Repeat("a", 256):      "chunk extension is too long",
		"1\nab\n":                            "chunk is longer than its size",
		"1\na\rb":                            "chunk is longer than its size",
		"0\n X: y\n\n":                       "trailer field is folded",
		"0\nX: y\n\tz\n\n":                   "trailer field is folded",
		"0\nX y: z\n\n":                      "malformed trailer field name",
		"0\nX : z\n\n":                       "malformed trailer field name",
		"0\nX\n\n":                           "malformed trailer field name",
		"0\n: z\n\n":                         "malformed trailer field name",
		"0\nX: \x00\n\n":                     "invalid character in trailer field value",
		"0\nX: " + strings.Repeat("a", 4096): "trailer section is too long",
	} {
		body := chunkedBody(t)
		_, _, err := readBody(&body, wireText(text), 1<<20)
		if status(t, err) == 0 || err.Error() != want {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
		if _, _, again := body.Next([]byte("0\r\n\r\n")); again != err { //nolint:errorlint // it stays the same
			t.Errorf("%.40q: then %v", text, again)
		}
	}
}

// TestChunkSizes: each digit has its value.
func TestChunkSizes(t *testing.T) {
	t.Parallel()
	for i, digit := range "0123456789abcdefABCDEF" {
		value := i
		if i > 15 {
			value -= 6
		}
		body := chunkedBody(t)
		want := strings.Repeat("x", 16+value)
		stream := wireText("1" + string(digit) + "\n" + want + "\n0\n\n")
		if n, got, err := readBody(&body, stream, len(stream)); n != len(stream) || got != want || err != nil {
			t.Errorf("1%c: %d bytes of payload, %v", digit, len(got), err)
		}
	}
}

// TestChunkLineEnds: no line of the chunked coding may end in LF, or in CR, alone.
func TestChunkLineEnds(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"5\nhello\r\n":            "LF without CR",
		"5;a\nhello\r\n":          "LF without CR",
		"5\rhello\r\n":            "CR without LF",
		"5;a\rb\r\n":              "CR without LF",
		"5\r\nhello\n0\r\n\r\n":   "chunk is longer than its size",
		"5\r\nhello\r0\r\n\r\n":   "chunk is longer than its size",
		"0\n\r\n":                 "LF without CR",
		"0\r\r\n":                 "CR without LF",
		"0\r\n\n":                 "LF without CR",
		"0\r\n\rX":                "CR without LF",
		"0\r\nX\n: y\r\n\r\n":     "LF without CR",
		"0\r\nX: y\nZ: z\r\n\r\n": "LF without CR",
		"0\r\nX: y\rZ: z\r\n\r\n": "CR without LF",
		"0\r\nX: y\r\n\n":         "LF without CR",
	} {
		body := chunkedBody(t)
		if _, _, err := readBody(&body, []byte(text), 1<<20); status(t, err) != 400 || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestChunkLimits: the limits are exact.
func TestChunkLimits(t *testing.T) {
	t.Parallel()
	for extra, want := range []int{0, 400} {
		body := chunkedBody(t)
		line := "5;" + strings.Repeat("a", 256-len("5;\r\n")+extra) + "\n"
		if _, _, err := readBody(&body, wireText(line), 1); status(t, err) != want {
			t.Errorf("chunk line and %d: %v", extra, err)
		}
		body = chunkedBody(t)
		trailer := "0\nX:" + strings.Repeat("a", 4096-len("X:\r\n\r\n")+extra) + "\n\n"
		if _, _, err := readBody(&body, wireText(trailer), 1); (err != nil) != (want > 0) || body.Done() != (want == 0) {
			t.Errorf("trailer and %d: %v", extra, err)
		}
	}
	r, _, err := parseRequest(t, http1.Limits{ChunkLine: 5, Trailer: 2}, "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n")
	if err != nil {
		t.Fatal(err)
	}
	body := r.Body()
	if _, _, err := readBody(&body, wireText("001\na\n0\n\n"), 1<<20); err != nil {
		t.Error(err)
	}
}

// TestChunkExcess: many small chunks are accepted, unless their lines are out of
// proportion to the payload.
func TestChunkExcess(t *testing.T) {
	t.Parallel()
	body := chunkedBody(t)
	if _, err := body.Skip(wireText(strings.Repeat("1\na\n", 100_000))); err != nil {
		t.Errorf("single bytes: %v", err)
	}
	// Each chunk has 16 bytes free, and 2 for its payload.
	chunk := func(excess int) string { return "1;" + strings.Repeat("x", excess+18-len("1;\r\n")) + "\na\n" }
	for extra, want := range []string{"", "chunks hold too little data"} {
		body = chunkedBody(t)
		_, err := body.Skip(wireText(strings.Repeat(chunk(128), 127) + chunk(128+extra)))
		if status(t, err) != 400*extra || err != nil && err.Error() != want {
			t.Errorf("excess of 16 KiB and %d: %v", extra, err)
		}
	}
}

func TestSizedBody(t *testing.T) {
	t.Parallel()
	r, _, err := parseRequest(t, http1.Limits{}, "POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\n")
	if err != nil {
		t.Fatal(err)
	}
	body := r.Body()
	for _, c := range []struct {
		send string
		n    int
		done bool
	}{{"he", 2, false}, {"", 0, false}, {"lloGET", 3, true}, {"GET", 0, true}} {
		if body.Done() {
			if n, payload, err := body.Next([]byte(c.send)); n != 0 || payload != nil || err != nil {
				t.Errorf("past the end: %d, %q, %v", n, payload, err)
			}
			continue
		}
		if err := body.End(); err == nil || status(t, err) != 400 {
			t.Errorf("cut off: %v", err)
		}
		n, payload, err := body.Next([]byte(c.send))
		if n != c.n || string(payload) != c.send[:c.n] || err != nil || body.Done() != c.done {
			t.Errorf("%q: %d, %q, %v, done %t", c.send, n, payload, err, body.Done())
		}
	}
	if err := body.End(); err != nil {
		t.Error(err)
	}
}

func TestUntilClose(t *testing.T) {
	t.Parallel()
	r := http1.NewResponse(http1.Limits{})
	r.Reset(false, false)
	if _, err := r.Parse(wireText("HTTP/1.1 200 OK\n\n")); err != nil {
		t.Fatal(err)
	}
	body := r.Body()
	for range 3 {
		if n, payload, err := body.Next([]byte("x\r\n")); n != 3 || string(payload) != "x\r\n" || err != nil || body.Done() {
			t.Errorf("%d, %q, %v, done %t", n, payload, err, body.Done())
		}
	}
	if err := body.End(); err != nil || !body.Done() {
		t.Errorf("%v, done %t", err, body.Done())
	}
}

// TestResponseContent: the errors of a response's content are 502s.
func TestResponseContent(t *testing.T) {
	t.Parallel()
	r := http1.NewResponse(http1.Limits{})
	r.Reset(false, false)
	if _, err := r.Parse(wireText("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n")); err != nil {
		t.Fatal(err)
	}
	body := r.Body()
	if err := body.End(); status(t, err) != 502 {
		t.Errorf("cut off: %v", err)
	}
	if _, err := body.Skip([]byte("2\nok")); status(t, err) != 502 || body.End() == nil {
		t.Errorf("bare LF: %v", err)
	}
}

// TestNoContent: no byte belongs to the zero Body.
func TestNoContent(t *testing.T) {
	t.Parallel()
	var body http1.Body
	if n, err := body.Skip([]byte("GET")); n != 0 || err != nil || !body.Done() || body.End() != nil {
		t.Errorf("%d, %v, done %t", n, err, body.Done())
	}
}

// TestPipeline: requests that follow each other are read as those requests,
// however their bytes arrive.
func TestPipeline(t *testing.T) {
	t.Parallel()
	kinds := []string{
		"GET / HTTP/1.1\nHost: a\n\n",
		"\nPOST /b HTTP/1.1\nHost: b\nContent-Length: 12\n\nGET / HTTP/1",
		"PUT /c HTTP/1.1\nHost: c\nTransfer-Encoding: chunked\n\n3;x\nGET\n0\nX: y\n\n",
		string(browserHead),
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var stream []byte
		var want []string
		for range 1 + random.IntN(6) {
			kind := random.IntN(len(kinds))
			stream = append(stream, wireText(strings.ReplaceAll(kinds[kind], "\r", ""))...)
			want = append(want, []string{"", "GET / HTTP/1", "GET", ""}[kind])
		}
		got := readRequests(t, stream, 1+random.IntN(80))
		if len(got.Accept) != len(want) || got.More || got.Refuse != 0 {
			t.Fatalf("%q: %+v", stream, got)
		}
		for i := range want {
			if got.Accept[i].Body != want[i] {
				t.Errorf("%q: request %d is %+v", stream, i, got.Accept[i])
			}
		}
	}
}

// TestBodyTrailer: the reader separates the trailer section from the content before
// it, however the bytes arrive.
func TestBodyTrailer(t *testing.T) {
	t.Parallel()
	stream := wireText("2\nok\n0;x\nX-Sum: 42\nY: z\n\nGET")
	const want = "X-Sum: 42\r\nY: z\r\n\r\n"
	for _, step := range []int{1, 2, 3, 7, len(stream)} {
		r := http1.NewResponse(http1.Limits{})
		if _, err := r.Parse(wireText("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n")); err != nil {
			t.Fatal(err)
		}
		body, got, payload := r.Body(), "", ""
		body.SplitTrailer = true
		for piece := range slices.Chunk(stream, step) {
			for len(piece) > 0 && !body.Done() {
				trailer := body.InTrailer()
				n, p, err := body.Next(piece)
				if err != nil {
					t.Fatal(err)
				}
				if trailer {
					got += string(piece[:n])
				}
				payload += string(p)
				piece = piece[n:]
			}
		}
		if got != want || payload != "ok" || !body.Done() || body.InTrailer() {
			t.Errorf("%d bytes at a time: trailer %q, payload %q", step, got, payload)
		}
	}
}
