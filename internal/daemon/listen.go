package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/internal/process/procfs"
)

// listen opens the listener on the address that a key of the config has.
func listen(key, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", address)
	return l, explainListen(err, key, address)
}

// explainListen adds to an error of listen what has the port, and what to do.
func explainListen(err error, key, address string) error {
	if err == nil {
		return nil
	}
	why := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why = portUser(portOf(address))
	case errors.Is(err, syscall.EACCES):
		why = "a port below 1024 needs root, or setcap cap_net_bind_service=+ep on the program; "
	}
	return fmt.Errorf("%w (%sto use another port, set %s: in the config)", err, why, key)
}

// portUser returns what has a port, for a message.
func portUser(port int) string {
	users, err := procfs.FindPortUsers(port)
	if err != nil || len(users) == 0 {
		if first, last, err := procfs.EphemeralPorts(); err == nil && port >= first && port <= last {
			return fmt.Sprintf("perhaps a connection that has ended, for a minute: the kernel takes ports from %d to %d for outgoing ones; ", first, last)
		}
		return "perhaps another dynlb runs; "
	}
	if users[0].Listens {
		return fmt.Sprintf("%v listens there; ", users[0])
	}
	first, last, err := procfs.EphemeralPorts()
	if err != nil || port < first || port > last {
		return fmt.Sprintf("%v has a connection from there; ", users[0])
	}
	return fmt.Sprintf("%v has an outgoing connection from there: the kernel takes ports from %d to %d for these (net.ipv4.ip_local_port_range); ",
		users[0], first, last)
}

// portOf returns the port of an address, 0 if it has none.
func portOf(address string) int {
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return 0
	}
	return a.Port
}

// onPort returns those of the listeners that are on the port of an address.
func onPort(listeners []net.Listener, address string) []net.Listener {
	port := portOf(address)
	return slices.DeleteFunc(slices.Clone(listeners), func(l net.Listener) bool {
		return port == 0 || portOf(l.Addr().String()) != port
	})
}

// takeOver opens the listener on an address whose port own listeners have on another
// host. They stay open, so that no connection is refused: the kernel lets sockets of
// one user share a port when all have SO_REUSEPORT (socket(7)). They have it for this
// moment only, as another dynlb could share the port otherwise.
func takeOver(key, address string, holders []net.Listener) (l net.Listener, err error) {
	for _, h := range holders {
		if sameAddress(h, address) {
			return share(key, h)
		}
	}
	defer func() {
		for _, h := range holders {
			err = errors.Join(err, setReusePort(h.(syscall.Conn), false))
		}
		if l != nil {
			err = errors.Join(err, setReusePort(l.(syscall.Conn), false))
		}
	}()
	for _, h := range holders {
		if err := setReusePort(h.(syscall.Conn), true); err != nil {
			return nil, fmt.Errorf("take over port of %s: %w", key, err)
		}
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return reusePort(c, true) }}
	l, err = config.Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, explainListen(err, key, address)
	}
	return l, nil
}

// sameAddress reports whether a listener is on an address, which may be written in
// another way. An unspecified host is the same in both versions of IP (net.Listen).
func sameAddress(l net.Listener, address string) bool {
	a, err := net.ResolveTCPAddr("tcp", address)
	own, ok := l.Addr().(*net.TCPAddr)
	if err != nil || !ok || a.Port != own.Port {
		return false
	}
	if len(a.IP) == 0 || a.IP.IsUnspecified() {
		return own.IP.IsUnspecified()
	}
	return a.IP.Equal(own.IP)
}

// setReusePort sets or clears SO_REUSEPORT of a listener.
func setReusePort(l syscall.Conn, on bool) error {
	c, err := l.SyscallConn()
	if err != nil {
		return err
	}
	return reusePort(c, on)
}

// reusePort sets or clears SO_REUSEPORT of a socket.
func reusePort(c syscall.RawConn, on bool) error {
	value := 0
	if on {
		value = 1
	}
	var err error
	if failed := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, value) }); failed != nil {
		return failed
	}
	return os.NewSyscallError("setsockopt SO_REUSEPORT", err)
}

// share returns a second listener on the socket of l. A connection goes to one of
// the two, and closing one leaves the other open.
func share(key string, l net.Listener) (net.Listener, error) {
	file, err := l.(interface{ File() (*os.File, error) }).File() // a TCP listener
	if err != nil {
		return nil, fmt.Errorf("share listener of %s: %w", key, err)
	}
	defer file.Close()
	shared, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("share listener of %s: %w", key, err)
	}
	return shared, nil
}

// hostOf returns the host in address, if it names one.
func hostOf(address string) []string {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return nil
	}
	return []string{host}
}
