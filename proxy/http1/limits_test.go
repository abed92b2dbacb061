package http1_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

// TestLimits: a message that is as large as a limit allows is accepted, and one
// byte more is too many, however it arrives. Bytes beyond a limit are not read: an
// error in them does not count.
func TestLimits(t *testing.T) {
	t.Parallel()
	const line = "GET / HTTP/1.1\nHost: a\n"
	repeat := strings.Repeat
	for _, c := range []struct {
		name   string
		limits http1.Limits
		status int
		make   func(extra int) string
	}{
		{"line", http1.Limits{}, 414, func(extra int) string {
			return "GET /" + repeat("a", 8<<10-len("GET / HTTP/1.1\r\n")+extra) + " HTTP/1.1\nHost: a\n\n"
		}},
		{"line after an empty line", http1.Limits{Line: 20}, 414, func(extra int) string {
			return "\nGET /" + repeat("a", 20-len("GET / HTTP/1.1\r\n")+extra) + " HTTP/1.1\nHost: a\n\n"
		}},
		{"field", http1.Limits{}, 431, func(extra int) string {
			return line + "X:" + repeat("a", 16<<10-len("X:\r\n")+extra) + "\n\n"
		}},
		{"field name", http1.Limits{Field: 100}, 431, func(extra int) string {
			return line + repeat("a", 100-len(":\r\n")+extra) + ":\n\n"
		}},
		{"head", http1.Limits{Field: 64 << 10}, 431, func(extra int) string {
			return line + "X:" + repeat("a", 64<<10-len(wireText(line))-len("X:\r\n\r\n")+extra) + "\n\n"
		}},
		{"head of many fields", http1.Limits{Head: 1000}, 431, func(extra int) string {
			fields := repeat("X: 123\n", 90)
			return line + fields + "Y:" + repeat("a", 1000-len(wireText(line+fields))-len("Y:\r\n\r\n")+extra) + "\n\n"
		}},
		{"fields", http1.Limits{}, 431, func(extra int) string { return line + repeat("X:\n", 99+extra) + "\n" }},
		{"options", http1.Limits{}, 400, func(extra int) string {
			return line + "Connection: a" + repeat(",", 30) + "\nConnection: b" + repeat(",b", extra) + "\n\n"
		}},
	} {
		if n := len(wireText(c.make(0))); c.name == "head" && n != 64<<10 {
			t.Fatalf("the test has a mistake: parsed %d", n)
		}
		for extra, want := range []int{0, c.status, c.status} {
			for _, step := range []int{1 << 20, 1000, 1} {
				text := wireText(c.make(extra))
				if step == 1 && len(text) > 10000 {
					continue // it takes long, and the field before it shows the same
				}
				r := http1.NewRequest(c.limits)
				n, err := feed(text, step, r.Parse)
				if status(t, err) != want || want == 0 && n != len(text) {
					t.Errorf("%s and %d, %d bytes at a time: %d, %v, want %d", c.name, extra, step, n, err, want)
				}
			}
		}
	}
}

// TestLimitsFirst: if a message has an error and exceeds a limit, the first of the
// two counts.
func TestLimitsFirst(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 9000)
	for text, want := range map[string]int{
		"GET /" + long + "\x00":                                       414,
		"GET /\x00" + long:                                            400,
		"GET / HTTP/1.1\nX: " + long + long + "\x00":                  431,
		"GET / HTTP/1.1\nX: \x00" + long + long:                       400,
		"GET / HTTP/1.1\n" + strings.Repeat("X:y\n", 100) + "\x00":    431,
		"GET / HTTP/1.1\n" + strings.Repeat("X:y\n", 99) + "\x00":     400,
		"GET / HTTP/1.1\n" + strings.Repeat("X:"+long+"\n", 8) + "\n": 431,
	} {
		for _, step := range []int{1 << 20, 999} {
			r := http1.NewRequest(http1.Limits{})
			if _, err := feed(wireText(text), step, r.Parse); status(t, err) != want {
				t.Errorf("%.40q of %d bytes: %v, want %d", text, len(text), err, want)
			}
		}
	}
}

// TestLimitsResponse: only the limit of the head bounds the fields of a response.
func TestLimitsResponse(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{60 << 10: 0, 64 << 10: 502} {
		r := http1.NewResponse(http1.Limits{Field: 100})
		text := "HTTP/1.1 200 OK\nX: " + strings.Repeat("a", size) + "\n\n"
		if _, err := r.Parse(wireText(text)); status(t, err) != want {
			t.Errorf("field of %d: %v, want %d", size, err, want)
		}
	}
	r := http1.NewResponse(http1.Limits{})
	if _, err := r.Parse(wireText("HTTP/1.1 200 " + strings.Repeat("a", 9000))); status(t, err) != 502 {
		t.Errorf("long status line: %v", err)
	}
}

// TestNoAllocations: accepted messages cost no memory.
func TestNoAllocations(t *testing.T) {
	for _, text := range []string{
		string(browserHead),
		"GET http://[2001:db8::1]:80/%41 HTTP/1.1\nHost: [::ffff:1.2.3.4]:80\nConnection: x-a, upgrade, x-b\nX-A: 1\nUpgrade: websocket\n\n",
		"POST / HTTP/1.1\nHost: a.example\nTransfer-Encoding: chunked\nTrailer: a, b\nExpect: 100-continue\n\n",
	} {
		r := http1.NewRequest(http1.Limits{})
		head := wireText(strings.ReplaceAll(text, "\r", ""))
		content := wireText("5;a=b\nhello\n0\nX: y\n\n")
		if n := testing.AllocsPerRun(100, func() {
			r.Reset()
			if n, err := r.Parse(head); n == 0 || err != nil {
				t.Fatal(n, err)
			}
			body := r.Body()
			if _, err := body.Skip(content); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%v allocations for %.40q", n, text)
		}
	}
	r := http1.NewResponse(http1.Limits{})
	buffer := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		r.Reset(false, false)
		if n, err := r.Parse(responseHead); n == 0 || err != nil {
			t.Fatal(n, err)
		}
		buffer = http1.AppendChunkSize(buffer[:0], 123456)
	}); n != 0 {
		t.Errorf("%v allocations for a response", n)
	}
}

func TestAppendChunkSize(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 9, 10, 15, 16, 4096, 1 << 40} {
		if got, want := string(http1.AppendChunkSize([]byte("x"), n)), "x"+strconv.FormatInt(int64(n), 16)+"\r\n"; got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
