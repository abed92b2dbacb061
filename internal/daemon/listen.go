package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// listen opens the listener on the address that a key of the config has.
func listen(key, address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", address)
	if err != nil {
		why := ""
		if errors.Is(err, syscall.EADDRINUSE) {
			why = "perhaps another dynlb runs; "
		}
		return nil, fmt.Errorf("%w (%sto use another port, set %s: in the config)", err, why, key)
	}
	return l, nil
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
