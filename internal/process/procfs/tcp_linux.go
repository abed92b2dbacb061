package procfs

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// stateListen is TCP_LISTEN in /proc/net/tcp.
const stateListen = "0A"

// listenSocket is a TCP socket that accepts connections.
type listenSocket struct {
	addr  netip.AddrPort
	inode uint64
}

// onLoopback reports whether s accepts connections to a loopback address.
func (s listenSocket) onLoopback() bool {
	ip := s.addr.Addr().Unmap()
	return ip.IsUnspecified() || ip.IsLoopback()
}

// listenSockets lists the listening TCP sockets of the network namespace of dynlb. A kernel
// without CONFIG_INET_DIAG answers no questions; then it reads the tables.
func listenSockets() ([]listenSocket, error) {
	if sockets, err := diagListenSockets(); err == nil {
		return sockets, nil
	}
	return tableListenSockets()
}

// tableListenSockets reads them from the tables of all sockets.
func tableListenSockets() ([]listenSocket, error) {
	var sockets []listenSocket
	for _, file := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) && len(sockets) > 0 {
			continue // the machine has no IPv6
		}
		if err != nil {
			return nil, err
		}
		found, err := readListenSockets(f)
		_ = f.Close() // read only
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		sockets = append(sockets, found...)
	}
	return sockets, nil
}

// readListenSockets parses the table up to the first socket in another state:
// the kernel lists listening ones first (Linux, Documentation/networking/proc_net_tcp.rst),
// and tens of thousands of connections may follow.
func readListenSockets(r io.Reader) ([]listenSocket, error) {
	var sockets []listenSocket
	lines := bufio.NewScanner(r)
	lines.Scan() // the heading
	for lines.Scan() {
		s, listening, err := parseSocket(lines.Text())
		if err != nil {
			return nil, err
		}
		if !listening {
			break
		}
		sockets = append(sockets, s)
	}
	return sockets, lines.Err()
}

// parseSocket parses one line: slot, local address, remote address, state, queues,
// timer, retransmits, uid, timeout, inode, more.
func parseSocket(line string) (s listenSocket, listening bool, err error) {
	fields := strings.Fields(line)
	if len(fields) < 10 {
		return s, false, fmt.Errorf("socket line %q: %d fields, want 10", line, len(fields))
	}
	if fields[3] != stateListen {
		return s, false, nil
	}
	if s.addr, err = parseSocketAddr(fields[1]); err != nil {
		return s, false, err
	}
	if s.inode, err = strconv.ParseUint(fields[9], 10, 64); err != nil {
		return s, false, fmt.Errorf("socket line %q: inode: %w", line, err)
	}
	return s, true, nil
}

// parseSocketAddr parses "0100007F:1389": an IPv4 or IPv6 address as one or four
// words in the machine's byte order, and the port, all in hexadecimal.
func parseSocketAddr(text string) (netip.AddrPort, error) {
	host, portText, _ := strings.Cut(text, ":")
	ip, err := hex.DecodeString(host)
	if err == nil && len(ip) != 4 && len(ip) != 16 {
		err = fmt.Errorf("%d bytes", len(ip))
	}
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("socket address %q: %w", text, err)
	}
	for i := 0; i < len(ip); i += 4 {
		binary.NativeEndian.PutUint32(ip[i:], binary.BigEndian.Uint32(ip[i:]))
	}
	port, err := strconv.ParseUint(portText, 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("socket address %q: port: %w", text, err)
	}
	addr, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(addr, uint16(port)), nil
}
