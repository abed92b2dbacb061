package main

import (
	"bytes"
	"strconv"
	"strings"
)

// originBody is what an origin answers to GET / and POST /upload: 64 bytes.
const originBody = "dynlb bench origin: sixty-four bytes, the same for every request"

// The example handshake of RFC 6455, 1.3.
const (
	webSocketKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	webSocketAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// The whole answers, made once.
var (
	answerRoot     = answerOf("200 OK", originBody)
	answerHealth   = answerOf("200 OK", "ok")
	answer16K      = answerOf("200 OK", string(filler(16<<10)))
	answer1M       = answerOf("200 OK", string(filler(1<<20)))
	answerChunked  = chunkedAnswer(16, 1<<10)
	answerNotFound = answerOf("404 Not Found\r\nConnection: close", "not found")
	answerTunnel   = []byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Accept: " + webSocketAccept + "\r\n\r\n")
)

func answerOf(status, body string) []byte {
	return []byte("HTTP/1.1 " + status + "\r\nContent-Type: text/plain\r\nContent-Length: " +
		itoa(len(body)) + "\r\n\r\n" + body)
}

// chunkedAnswer has a body of n chunks of size bytes each.
func chunkedAnswer(n, size int) []byte {
	chunk := strconv.FormatInt(int64(size), 16) + "\r\n" + string(filler(size)) + "\r\n"
	return []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n" +
		strings.Repeat(chunk, n) + "0\r\n\r\n")
}

// A reply is what an origin does about one request.
type reply struct {
	answer []byte
	last   bool // the connection ends with it
	tunnel bool // the connection is another protocol's from here on
}

// originReply judges one request head, up to and with its last field's line end.
func originReply(head []byte) reply {
	r := reply{last: bytes.Contains(head, []byte(" HTTP/1.0\r\n"))}
	if value, ok := fieldValue(head, "Connection"); ok && bytes.EqualFold(value, []byte("close")) {
		r.last = true
	}
	method, rest, _ := bytes.Cut(head, []byte(" "))
	path, _, _ := bytes.Cut(rest, []byte(" "))
	switch string(method) + " " + string(path) {
	case "GET /", "POST /upload":
		r.answer = answerRoot
	case "GET /health":
		r.answer = answerHealth
	case "GET /16k":
		r.answer = answer16K
	case "GET /1m":
		r.answer = answer1M
	case "GET /chunked":
		r.answer = answerChunked
	case "GET /tunnel":
		r.answer, r.tunnel = answerTunnel, true
	default:
		r.answer, r.last = answerNotFound, true
	}
	return r
}

// bodyLength is the Content-Length that a head announces; ok is false when it
// is no number, or when the body is chunked, which no peer has reason to do.
func bodyLength(head []byte) (n int, ok bool) {
	if _, chunked := fieldValue(head, "Transfer-Encoding"); chunked {
		return 0, false
	}
	value, announced := fieldValue(head, "Content-Length")
	if !announced {
		return 0, true
	}
	length, err := strconv.ParseUint(string(value), 10, 31)
	return int(length), err == nil
}

// fieldValue returns the value of the first field of that name.
func fieldValue(head []byte, name string) (value []byte, ok bool) {
	for len(head) > 0 {
		var line []byte
		line, head, _ = bytes.Cut(head, []byte("\r\n"))
		if len(line) > len(name) && line[len(name)] == ':' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return bytes.TrimSpace(line[len(name)+1:]), true
		}
	}
	return nil, false
}

// filler is n bytes of text that no layer can make smaller by chance.
func filler(n int) []byte {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	text := make([]byte, n)
	for i := range text {
		text[i] = letters[(i*7+i/36)%len(letters)]
	}
	return text
}

func itoa(n int) string { return strconv.Itoa(n) }
