package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// An answer reads one HTTP/1.1 response as its bytes come in, in pieces of any
// size. It reads no more of HTTP/1.1 than it takes to know that the response is
// the expected one: status, framing, length, and whether the connection goes
// on. The zero value is not ready; reset is. Not safe for concurrent use.
type answer struct {
	status string // the code it must have, three digits
	want   int    // bytes its body must have, or anyLength

	part  answerPart
	line  []byte // what has come of a line that is not complete
	left  int    // bytes that the body, or the chunk, still has
	body  int    // bytes of body so far
	again bool   // the connection takes another request
}

// answerPart is what an answer reads next.
type answerPart uint8

const (
	partStatus answerPart = iota
	partFields
	partBody     // of a length known beforehand
	partToEnd    // up to the end of the connection
	partSize     // a chunk's size line
	partChunk    // a chunk's bytes
	partChunkEnd // the line end after them
	partTrailer
	partDone
)

// maxLine bounds a line; no peer here has reason to come near it.
const maxLine = 16 << 10

// anyLength stands for a body of unknown length.
const anyLength = -1

// reset makes the answer ready for a response with that status and body length.
func (a *answer) reset(status string, want int) {
	*a = answer{status: status, want: want, line: a.line[:0], again: true, left: -1}
}

// feed reads data, and reports whether the response is complete with it. Bytes
// after a complete one are an error, since no second request was sent.
func (a *answer) feed(data []byte) (done bool, err error) {
	for len(data) > 0 {
		switch a.part {
		case partDone:
			return false, fmt.Errorf("%d bytes after the body", len(data))
		case partBody, partChunk:
			n := min(a.left, len(data))
			a.left -= n
			a.body += n
			data = data[n:]
			switch {
			case a.left > 0:
			case a.part == partChunk:
				a.part = partChunkEnd
			default:
				err = a.finish()
			}
		case partToEnd:
			a.body += len(data)
			data = nil
		default:
			data, err = a.feedLine(data)
		}
		if err != nil {
			return false, err
		}
	}
	return a.part == partDone, nil
}

// feedLine takes data up to the end of a line, and the line if it is complete.
func (a *answer) feedLine(data []byte) (rest []byte, err error) {
	line, rest, ended := bytes.Cut(data, []byte("\n"))
	if !ended {
		a.line = append(a.line, data...)
		if len(a.line) > maxLine {
			return nil, fmt.Errorf("a line of more than %d bytes", maxLine)
		}
		return nil, nil
	}
	if len(a.line) > 0 {
		a.line = append(a.line, line...)
		line = a.line
	}
	err = a.takeLine(bytes.TrimSuffix(line, []byte("\r")))
	a.line = a.line[:0]
	return rest, err
}

// takeLine reads one line without its end.
func (a *answer) takeLine(line []byte) error {
	switch a.part {
	case partStatus:
		return a.takeStatus(line)
	case partFields:
		if len(line) > 0 {
			return a.takeField(line)
		}
		return a.takeHeadEnd()
	case partSize:
		return a.takeSize(line)
	case partChunkEnd:
		if len(line) > 0 {
			return fmt.Errorf("%q after a chunk, want a line end", line)
		}
		a.part = partSize
	case partTrailer:
		if len(line) == 0 {
			return a.finish()
		}
	default: // not read by lines
	}
	return nil
}

func (a *answer) takeStatus(line []byte) error {
	code, ok := bytes.CutPrefix(line, []byte("HTTP/1.1 "))
	if !ok || len(code) < 3 || string(code[:3]) != a.status || len(code) > 3 && code[3] != ' ' {
		return fmt.Errorf("status line %q, want %s", line, a.status)
	}
	a.part = partFields
	return nil
}

// chunkedBody stands in left, while the fields are read, for a chunked body.
const chunkedBody = -2

func (a *answer) takeField(line []byte) error {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimSpace(value)
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseUint(string(value), 10, 31)
		if err != nil {
			return fmt.Errorf("read Content-Length: %w", err)
		}
		if a.want != anyLength && int(n) != a.want {
			return fmt.Errorf("body of %d bytes announced, want %d", n, a.want)
		}
		a.left = int(n)
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		if !bytes.EqualFold(value, []byte("chunked")) {
			return fmt.Errorf("Transfer-Encoding %q, want chunked", value)
		}
		a.left = chunkedBody
	case bytes.EqualFold(name, []byte("Connection")):
		a.again = !bytes.EqualFold(value, []byte("close"))
	}
	return nil
}

// takeHeadEnd finds out how the body is framed (RFC 9112, 6.3).
func (a *answer) takeHeadEnd() error {
	switch {
	case a.status == "101", a.left == 0:
		return a.finish()
	case a.left == chunkedBody:
		a.part = partSize
	case a.left < 0:
		a.part, a.again = partToEnd, false
	default:
		a.part = partBody
	}
	return nil
}

func (a *answer) takeSize(line []byte) error {
	digits, _, _ := bytes.Cut(line, []byte(";"))
	n, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 31)
	if err != nil {
		return fmt.Errorf("read chunk size: %w", err)
	}
	a.left, a.part = int(n), partChunk
	if n == 0 {
		a.part = partTrailer
	}
	return nil
}

// finish judges the body's length.
func (a *answer) finish() error {
	if a.want != anyLength && a.body != a.want {
		return fmt.Errorf("body of %d bytes, want %d", a.body, a.want)
	}
	a.part = partDone
	return nil
}

// end tells the answer that the connection ended. It is an error unless that
// completes the response.
func (a *answer) end() error {
	switch a.part {
	case partToEnd:
		return a.finish()
	case partStatus:
		if len(a.line) == 0 {
			return fmt.Errorf("read status line: %w", io.EOF)
		}
	case partDone:
		return nil
	default: // too early
	}
	return fmt.Errorf("answer broke off after %d of %d bytes of body: %w", a.body, a.want, io.ErrUnexpectedEOF)
}

var errEarly = errors.New("answer before the whole request was sent")
