package main

import (
	"strings"
	"testing"
)

// read feeds text in pieces of size bytes, then the end of the connection.
func read(a *answer, text string, size int) (done bool, err error) {
	for text != "" {
		n := min(size, len(text))
		if done, err = a.feed([]byte(text[:n])); err != nil {
			return false, err
		}
		text = text[n:]
	}
	if done {
		return true, nil
	}
	err = a.end()
	return err == nil, err
}

func TestAnswer(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for name, test := range map[string]struct {
		text  string
		again bool
		fails string // part of the error
	}{
		"length":          {ok + "Content-Length: 4\r\n\r\nbody", true, ""},
		"case, blanks":    {ok + "content-length:  4 \r\nconnection: Close\r\n\r\nbody", false, ""},
		"no reason":       {"HTTP/1.1 200 \r\nServer: a:b\r\nContent-Length: 4\r\n\r\nbody", true, ""},
		"bare line ends":  {"HTTP/1.1 200 OK\nContent-Length: 4\n\nbody", true, ""},
		"one chunk":       {ok + "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", true, ""},
		"chunks":          {ok + "transfer-encoding: chunked\r\n\r\n1;x=y\r\nb\r\n03\r\nody\r\n0\r\nX: y\r\n\r\n", true, ""},
		"to the end":      {ok + "\r\nbody", false, ""},
		"status":          {"HTTP/1.1 503 No\r\n\r\n", false, "want 200"},
		"version":         {"HTTP/1.0 200 OK\r\n\r\nbody", false, "want 200"},
		"announced":       {ok + "Content-Length: 5\r\n\r\n", false, "5 bytes announced"},
		"chunks too long": {ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nbody!\r\n0\r\n\r\n", false, "body of 5 bytes"},
		"chunk's end":     {ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nbody\r\n0\r\n\r\n", false, "after a chunk"},
		"chunk's size":    {ok + "Transfer-Encoding: chunked\r\n\r\nx\r\n", false, "chunk size"},
		"other coding":    {ok + "Transfer-Encoding: gzip\r\n\r\n", false, "want chunked"},
		"too much":        {ok + "Content-Length: 4\r\n\r\nbody!", false, "1 bytes after"},
		"broke in head":   {ok + "Conte", false, "broke off"},
		"broke in body":   {ok + "Content-Length: 4\r\n\r\nbod", false, "after 3 of 4"},
		"short at end":    {ok + "\r\nbod", false, "body of 3 bytes"},
		"nothing":         {"", false, "EOF"},
		"endless line":    {ok + strings.Repeat("a", maxLine+1), false, "a line of more"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int{1, 3, len(test.text) + 1} {
				var a answer
				a.reset("200", 4)
				done, err := read(&a, test.text, size)
				if test.fails != "" {
					if err == nil || !strings.Contains(err.Error(), test.fails) {
						t.Errorf("pieces of %d: got %v, want an error with %q", size, err, test.fails)
					}
					continue
				}
				if !done || err != nil || a.again != test.again {
					t.Errorf("pieces of %d: got %v, %v, again %v; want again %v", size, done, err, a.again, test.again)
				}
			}
		})
	}
}

func TestAnswerToAnUpgrade(t *testing.T) {
	var a answer
	a.reset("101", 0)
	if done, err := a.feed(answerTunnel); !done || err != nil {
		t.Errorf("got %v, %v", done, err)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", 3)
	f.Add("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", 7)
	f.Add("HTTP/1.1 404 Not Found\r\n\r\n", 1)
	f.Fuzz(func(t *testing.T, text string, size int) {
		var whole, pieces answer
		whole.reset("200", 4)
		pieces.reset("200", 4)
		done, err := read(&whole, text, len(text)+1)
		if done && !strings.HasPrefix(text, "HTTP/1.1 200") {
			t.Errorf("took %q", text)
		}
		again, err2 := read(&pieces, text, max(1, min(size, 1<<10)))
		if done != again || (err == nil) != (err2 == nil) {
			t.Errorf("whole: %v, %v; in pieces: %v, %v", done, err, again, err2)
		}
	})
}
