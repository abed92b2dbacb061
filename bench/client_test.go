package main

import (
	"bufio"
	"strings"
	"testing"
)

func TestReadHead(t *testing.T) {
	for _, test := range []struct {
		head   string
		length int
		again  bool
	}{
		{"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n", 64, true},
		{"HTTP/1.1 200 OK\r\ncontent-length:  7 \r\nconnection: Close\r\n\r\n", 7, false},
		{"HTTP/1.1 200 \r\nServer: a:b\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", 0, true},
		{"HTTP/1.1 200 OK\r\n\r\n", -1, true},
	} {
		c := &client{in: bufio.NewReader(strings.NewReader(test.head))}
		length, again, err := c.readHead()
		if err != nil || length != test.length || again != test.again {
			t.Errorf("%q: got %d, %v, %v; want %d, %v", test.head, length, again, err, test.length, test.again)
		}
	}
}

func FuzzReadHead(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n")
	f.Add("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nrest")
	f.Add("HTTP/1.1 404 Not Found\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := &client{in: bufio.NewReader(strings.NewReader(text))}
		if _, _, err := c.readHead(); err == nil && !strings.HasPrefix(text, "HTTP/1.1 200 ") {
			t.Errorf("took %q", text)
		}
	})
}
