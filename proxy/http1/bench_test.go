package http1_test

import (
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

// browserHead is a head as a browser sends it: 12 fields, 549 bytes.
var browserHead = wireText(`GET /assets/app-4f1c2a.js?v=20 HTTP/1.1
Host: app.example.com
Connection: keep-alive
sec-ch-ua-platform: "Linux"
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36
Accept: */*
Sec-Fetch-Site: same-origin
Sec-Fetch-Mode: no-cors
Sec-Fetch-Dest: script
Referer: https://app.example.com/dashboard
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-GB,en;q=0.9,de;q=0.8
Cookie: session=0123456789abcdef0123456789abcdef; theme=dark

`)

// responseHead is a head as an application sends it.
var responseHead = wireText(`HTTP/1.1 200 OK
Content-Type: application/json; charset=utf-8
Content-Length: 64
Date: Thu, 01 Jan 1970 00:00:00 GMT
ETag: W/"40-2ca8"
Connection: keep-alive
Cache-Control: private, max-age=0

`)

// wireText returns text with CRLF in place of each \n.
func wireText(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

func BenchmarkRequest(b *testing.B) {
	r := http1.NewRequest(http1.Limits{})
	b.SetBytes(int64(len(browserHead)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset()
		if n, err := r.Parse(browserHead); n != len(browserHead) || err != nil {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkResponse(b *testing.B) {
	r := http1.NewResponse(http1.Limits{})
	b.SetBytes(int64(len(responseHead)))
	b.ReportAllocs()
	for b.Loop() {
		r.Reset(false, false)
		if n, err := r.Parse(responseHead); n != len(responseHead) || err != nil {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkChunks reads 16 KiB in 16 chunks.
func BenchmarkChunks(b *testing.B) {
	var stream []byte
	for range 16 {
		stream = http1.AppendChunkSize(stream, 1024)
		stream = append(stream, make([]byte, 1024)...)
		stream = append(stream, http1.ChunkEnd...)
	}
	stream = append(stream, http1.LastChunk...)
	r := http1.NewRequest(http1.Limits{})
	head := wireText("POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n")
	if _, err := r.Parse(head); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		body := r.Body()
		if n, err := body.Skip(stream); n != len(stream) || err != nil || !body.Done() {
			b.Fatal(n, err)
		}
	}
}
