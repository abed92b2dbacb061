package procfs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// What linux/sock_diag.h, linux/inet_diag.h and net/tcp_states.h define, and package syscall
// does not.
const (
	netlinkSockDiag  = 4  // NETLINK_SOCK_DIAG
	sockDiagByFamily = 20 // SOCK_DIAG_BY_FAMILY
	tcpListen        = 10 // TCP_LISTEN
)

// diagID is inet_diag_sockid. Ports and addresses are in network byte order.
type diagID struct {
	SourcePort, DestPort [2]byte
	Source, Dest         [16]byte
	Device               uint32
	Cookie               [2]uint32
}

// diagRequest is inet_diag_req_v2, after the head of its message.
type diagRequest struct {
	Head                        syscall.NlMsghdr
	Family, Protocol, Extras, _ uint8
	States                      uint32
	ID                          diagID
}

// diagSocket is inet_diag_msg.
type diagSocket struct {
	Family, State, Timer, Retransmits uint8
	ID                                diagID
	Expires, Received, Sent           uint32
	User, Inode                       uint32
}

// diagTimeout bounds the wait for the kernel, which answers at once.
var diagTimeout = syscall.Timeval{Sec: 1}

// diagListenSockets lists the listening TCP sockets by a question to the kernel. To read the
// tables in /proc takes some milliseconds on a machine with much memory: the kernel goes
// through the hash table of all connections, also of none.
func diagListenSockets() ([]listenSocket, error) {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, netlinkSockDiag)
	if err != nil {
		return nil, fmt.Errorf("open socket for questions: %w", err)
	}
	defer func() { _ = syscall.Close(fd) }() // nothing was written
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &diagTimeout); err != nil {
		return nil, err
	}
	var all []listenSocket
	for _, family := range []uint8{syscall.AF_INET, syscall.AF_INET6} {
		q := diagRequest{Family: family, Protocol: syscall.IPPROTO_TCP, States: 1 << tcpListen}
		q.Head = syscall.NlMsghdr{Len: uint32(binary.Size(q)), Type: sockDiagByFamily, Flags: syscall.NLM_F_REQUEST | syscall.NLM_F_DUMP}
		text, err := binary.Append(nil, binary.NativeEndian, &q)
		if err != nil {
			return nil, err
		}
		if err := syscall.Sendto(fd, text, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
			return nil, fmt.Errorf("ask for sockets: %w", err)
		}
		if all, err = receiveSockets(fd, all); err != nil {
			return nil, fmt.Errorf("ask for sockets: %w", err)
		}
	}
	return all, nil
}

// receiveSockets adds the sockets of an answer.
func receiveSockets(fd int, all []listenSocket) ([]listenSocket, error) {
	for buffer := make([]byte, 32<<10); ; { // the most that the kernel sends at once
		n, _, err := syscall.Recvfrom(fd, buffer, 0)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		messages, err := syscall.ParseNetlinkMessage(buffer[:n])
		if err != nil {
			return nil, err
		}
		for i := range messages {
			m := &messages[i]
			switch m.Header.Type {
			case syscall.NLMSG_DONE:
				return all, nil
			case syscall.NLMSG_ERROR:
				if len(m.Data) < 4 {
					return nil, syscall.EINVAL
				}
				return nil, syscall.Errno(-int32(binary.NativeEndian.Uint32(m.Data)))
			}
			var s diagSocket
			if _, err := binary.Decode(m.Data, binary.NativeEndian, &s); err != nil {
				return nil, err
			}
			all = append(all, s.socket())
		}
	}
}

// socket returns the socket that the kernel has described.
func (s *diagSocket) socket() listenSocket {
	host := netip.AddrFrom16(s.ID.Source)
	if s.Family == syscall.AF_INET {
		host = netip.AddrFrom4([4]byte(s.ID.Source[:4]))
	}
	return listenSocket{addr: netip.AddrPortFrom(host, binary.BigEndian.Uint16(s.ID.SourcePort[:])), inode: uint64(s.Inode)}
}
