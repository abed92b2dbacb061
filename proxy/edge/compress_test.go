package edge

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

// document is content as apps send it, of some size.
func document(size int) []byte {
	var b []byte
	for i := 0; len(b) < size; i++ {
		b = fmt.Appendf(b, `{"id":%d,"name":"item %d","price":%d.99,"tags":["a","b%d"],"ok":%t},`, i, i*7919%1000, i*31%500, i%17, i%3 == 0)
	}
	return b[:size]
}

// TestDropMidway: an encoder whose response was broken off compresses the next one.
func TestDropMidway(t *testing.T) {
	t.Parallel()
	for c := zstdCoding; c < codings; c++ {
		var first []byte
		for range 4 {
			e := encoderOf(c)
			e.Encode(document(100_000), false)
			e.Drop()
			e = encoderOf(c)
			got := e.Encode(document(5000), true)
			if first == nil {
				first = append(first, got...)
			}
			if !bytes.Equal(got, first) {
				t.Errorf("%v: %d bytes, before %d", c, len(got), len(first))
			}
			e.Drop()
		}
	}
}

func encoderOf(c coding) *Encoder {
	r := http1.NewResponse(http1.Limits{})
	r.Reset(false, false)
	_, _ = r.Parse([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"))
	return (&Exchange{rules: new(Rules), coding: c}).Compress(r)
}

// BenchmarkEncode measures what a response costs, and how small it becomes.
func BenchmarkEncode(b *testing.B) {
	for c := zstdCoding; c < codings; c++ {
		for _, size := range []int{4 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("%v/%dKiB", c, size>>10), func(b *testing.B) {
				content, n := document(size), 0
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					e := encoderOf(c)
					n = len(e.Encode(content, true))
					e.Drop()
				}
				b.ReportMetric(float64(size)/float64(n), "times-smaller")
			})
		}
	}
}
