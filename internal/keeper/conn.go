package keeper

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

const (
	// maxInline is the longest packet; a longer message goes in a file of memory, whose
	// descriptor is the last one of the packet. The kernel takes packets of up to about
	// 200 kB (net.core.wmem_default).
	maxInline = 64 << 10
	// maxFDs is how many descriptors a packet may have: SCM_MAX_FD of the kernel is 253.
	maxFDs = 250
)

// conn is one end of the socket between the keeper and a worker. Sending is safe for
// concurrent use; receiving is for one goroutine.
type conn struct {
	socket *net.UnixConn

	sending sync.Mutex // orders the packets
	packet  []byte     // owned by receive
	control []byte
}

// newConn returns the connection on a socket, and closes the file.
func newConn(file *os.File) (*conn, error) {
	defer file.Close()
	c, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("use socket of keeper: %w", err)
	}
	socket, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("use socket of keeper: it is no Unix socket"), c.Close())
	}
	return &conn{socket: socket, packet: make([]byte, maxInline), control: make([]byte, syscall.CmsgSpace(4*maxFDs))}, nil
}

// close closes the socket.
func (c *conn) close() { _ = c.socket.Close() }

// endReceiving has receive fail after the messages that have arrived.
func (c *conn) endReceiving() { _ = c.socket.CloseRead() } // the socket may be closed

// send sends a message, with duplicates of descriptors. It waits while the other end does
// not read.
func (c *conn) send(k kind, seq uint64, body any, fds ...int) error {
	packet, rights, done, err := encode(k, seq, body, fds)
	if err != nil {
		return err
	}
	defer done()
	c.sending.Lock()
	defer c.sending.Unlock()
	if _, _, err := c.socket.WriteMsgUnix(packet, rights, nil); err != nil {
		return fmt.Errorf("send %s: %w", k, err)
	}
	return nil
}

// try is send without waiting. It reports whether the message was sent. An error says why
// it never can be.
func (c *conn) try(k kind, seq uint64, body any, fds ...int) (sent bool, err error) {
	packet, rights, done, err := encode(k, seq, body, fds)
	if err != nil {
		return false, err
	}
	defer done()
	raw, err := c.socket.SyscallConn()
	if err != nil {
		return false, err
	}
	c.sending.Lock()
	defer c.sending.Unlock()
	failed := raw.Control(func(fd uintptr) {
		_, err = syscall.SendmsgN(int(fd), packet, rights, nil, syscall.MSG_DONTWAIT)
	})
	switch {
	case failed != nil:
		return false, failed
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("send %s: %w", k, err)
	default:
		return true, nil
	}
}

// encode returns the packet and the control message of a message. done is called when they
// were sent.
func encode(k kind, seq uint64, body any, fds []int) (packet, rights []byte, done func(), err error) {
	data, err := json.Marshal(body)
	if err == nil {
		packet, err = json.Marshal(message{Kind: k, Seq: seq, Body: data})
	}
	done = func() {}
	if err == nil && len(packet) > maxInline {
		var long *os.File
		if long, err = memoryFile(packet); err == nil {
			done = func() { _ = long.Close() } // the other end has a duplicate
			packet, fds = []byte{longPacket}, append(append([]int{}, fds...), int(long.Fd()))
		}
	}
	if err != nil {
		return nil, nil, nil, fmt.Errorf("send %s: %w", k, err)
	}
	if len(fds) > 0 {
		rights = syscall.UnixRights(fds...)
	}
	return packet, rights, done, nil
}

// longPacket is the packet of a message that is in a file of memory.
const longPacket = 'L'

// receive returns the next message, and the descriptors that came with it, which belong to
// the caller. The error is io.EOF when the other end is closed.
func (c *conn) receive() (message, []int, error) {
	n, rights, _, _, err := c.socket.ReadMsgUnix(c.packet, c.control)
	if err != nil {
		if errors.Is(err, syscall.ECONNRESET) { // it ended with packets that it had not read
			err = io.EOF
		}
		return message{}, nil, err
	}
	fds, err := descriptors(c.control[:rights])
	if err != nil {
		return message{}, nil, err
	}
	packet := c.packet[:n]
	if n == 1 && packet[0] == longPacket && len(fds) > 0 {
		last := len(fds) - 1
		packet, err = readMemory(fds[last])
		fds = fds[:last]
	}
	var m message
	if err == nil {
		err = json.Unmarshal(packet, &m)
	}
	if err != nil {
		closeAll(fds)
		return message{}, nil, fmt.Errorf("read message: %w", err)
	}
	return m, fds, nil
}

// descriptors returns those that a packet brought.
func descriptors(control []byte) (fds []int, err error) {
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return nil, err
	}
	for i := range messages {
		some, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			closeAll(fds)
			return nil, err
		}
		fds = append(fds, some...)
	}
	return fds, nil
}

// readMemory reads a file of memory, and closes it.
func readMemory(fd int) ([]byte, error) {
	file := os.NewFile(uintptr(fd), "message")
	defer file.Close()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(file)
}

// closeAll closes descriptors.
func closeAll(fds []int) {
	for _, fd := range fds {
		_ = syscall.Close(fd)
	}
}

// body reads the body of a message.
func body[T any](m message) (v T, err error) {
	if err = json.Unmarshal(m.Body, &v); err != nil {
		err = fmt.Errorf("read %s: %w", m.Kind, err)
	}
	return v, err
}
