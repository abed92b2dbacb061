package procfs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// stateUnconnected is the state of a socket of UDP that takes packets of anyone: TCP_CLOSE, in
// which sockets of TCP are not listed.
const stateUnconnected = "07"

// maxCommand is the maximum length of a command in a message.
const maxCommand = 60

// FindPortUsers returns the processes that have a TCP socket on a local port, those
// that listen first. It reads the descriptors of all processes that dynlb may read.
func FindPortUsers(port int) ([]PortUser, error) {
	return findPortUsers(port, "/proc/self/net/tcp", "/proc/self/net/tcp6")
}

// FindUDPPortUsers is FindPortUsers for sockets of UDP.
func FindUDPPortUsers(port int) ([]PortUser, error) {
	return findPortUsers(port, "/proc/self/net/udp", "/proc/self/net/udp6")
}

// findPortUsers returns the processes that have a socket in one of the tables.
func findPortUsers(port int, tables ...string) ([]PortUser, error) {
	users := map[uint64]PortUser{} // by inode
	for _, file := range tables {
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the machine lacks the protocol
		}
		if err != nil {
			return nil, fmt.Errorf("find users of port %d: %w", port, err)
		}
		err = readPortUsers(f, port, users)
		_ = f.Close() // read only
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
	}
	if len(users) > 0 {
		nameUsers(users)
	}
	var found []PortUser
	for _, u := range users {
		if !slices.Contains(found, u) {
			found = append(found, u)
		}
	}
	slices.SortFunc(found, func(a, b PortUser) int {
		if a.Listens != b.Listens {
			if a.Listens {
				return -1
			}
			return 1
		}
		return a.PID - b.PID
	})
	return found, nil
}

// readPortUsers adds the sockets of a table that are on a local port.
func readPortUsers(r io.Reader, port int, users map[uint64]PortUser) error {
	suffix := fmt.Sprintf(":%04X", port)
	lines := bufio.NewScanner(r)
	lines.Scan() // the heading
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || !strings.HasSuffix(fields[1], suffix) {
			continue
		}
		inode, err := strconv.ParseUint(fields[9], 10, 64)
		if err != nil || inode == 0 {
			continue // TIME_WAIT: no process has it, and it keeps no port
		}
		uid, _ := strconv.Atoi(fields[7]) // a number in every version of the kernel
		users[inode] = PortUser{UID: uid, Listens: fields[3] == stateListen || fields[3] == stateUnconnected}
	}
	return lines.Err()
}

// nameUsers sets the processes of the sockets, as far as dynlb may read them.
func nameUsers(users map[uint64]PortUser) {
	names, err := readDirNames("/proc")
	if err != nil {
		return
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		own := map[uint64]bool{}
		if addSockets(own, pid) != nil {
			continue // hidden
		}
		for inode, u := range users {
			if own[inode] && u.PID == 0 {
				u.PID, u.Command = pid, commandOf(pid)
				users[inode] = u
			}
		}
	}
}

// commandOf returns the program of a process and its arguments up to the first
// option: options may hold secrets.
func commandOf(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return "unknown"
	}
	words := strings.Split(strings.Trim(string(data), "\x00"), "\x00")
	words[0] = filepath.Base(words[0])
	if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "-") }); i > 0 {
		words = words[:i]
	}
	command := strings.Join(words, " ")
	return command[:min(len(command), maxCommand)]
}

// EphemeralPorts returns the range of ports that the kernel gives to outgoing
// connections (ip(7), ip_local_port_range).
func EphemeralPorts() (first, last int, err error) {
	data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, 0, err
	}
	if _, err := fmt.Sscan(string(data), &first, &last); err != nil {
		return 0, 0, fmt.Errorf("read ip_local_port_range: %w", err)
	}
	return first, last, nil
}
