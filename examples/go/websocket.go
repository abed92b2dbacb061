package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// ws sends every WebSocket message back. The standard library has no WebSocket,
// so here is an echo by hand (RFC 6455); an app with more to say would use
// github.com/coder/websocket.
func (a *app) ws(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Sec-WebSocket-Key")
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") || key == "" {
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "this path speaks WebSocket", http.StatusUpgradeRequired)
		return
	}
	a.sockets.Add(1)
	defer a.sockets.Done()
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Time{})
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
	if rw.Flush() != nil {
		return
	}
	echoFrames(conn, rw.Reader, a.stopping)
}

// echoFrames sends each frame back as it came, so that a message in several
// frames stays one; it answers a ping with a pong, and a close with a close.
func echoFrames(conn net.Conn, r *bufio.Reader, stopping <-chan struct{}) {
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-stopping:
			conn.SetDeadline(time.Now().Add(time.Second)) // for the client's answer
			conn.Write(closeFrame(1001))
		case <-done:
		}
	}()
	for {
		first, payload, err := readFrame(r)
		if err != nil {
			return
		}
		switch opcode := first & 0x0f; {
		case payload == nil:
			conn.Write(closeFrame(1009))
			conn.SetDeadline(time.Now().Add(time.Second))
			io.Copy(io.Discard, r) // until the client has left
			return
		case opcode == 9:
			first = first&0xf0 | 10
		case opcode == 10:
			continue
		}
		if _, err := conn.Write(frame(first, payload)); err != nil || first&0x0f == 8 {
			return
		}
	}
}

// readFrame reads one frame: its first byte and its payload without the mask,
// or nil when that is over maxEcho.
func readFrame(r *bufio.Reader) (first byte, payload []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, nil, err
	}
	if head[1] < 0x80 {
		return 0, nil, errors.New("a client's frame has no mask")
	}
	size := uint64(head[1] & 0x7f)
	switch size {
	case 126:
		_, err = io.ReadFull(r, head[8:])
		size = uint64(binary.BigEndian.Uint16(head[8:]))
	case 127:
		_, err = io.ReadFull(r, head[2:])
		size = binary.BigEndian.Uint64(head[2:])
	}
	if err != nil || size > maxEcho {
		return head[0], nil, err
	}
	masked := make([]byte, 4+size)
	if _, err := io.ReadFull(r, masked); err != nil {
		return 0, nil, err
	}
	mask, payload := masked[:4], masked[4:]
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	return head[0], payload, nil
}

func frame(first byte, payload []byte) []byte {
	var head []byte
	switch n := len(payload); {
	case n < 126:
		head = []byte{first, byte(n)}
	case n < 1<<16:
		head = binary.BigEndian.AppendUint16([]byte{first, 126}, uint16(n))
	default:
		head = binary.BigEndian.AppendUint64([]byte{first, 127}, uint64(n))
	}
	return append(head, payload...)
}

// closeFrame makes a close frame with a status of RFC 6455, section 7.4.1.
func closeFrame(status uint16) []byte {
	return frame(0x88, binary.BigEndian.AppendUint16(nil, status))
}
