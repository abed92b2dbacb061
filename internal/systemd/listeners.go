package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
)

// listenersOf returns the listeners on sockets, and closes the files.
func listenersOf(files []*os.File) (all []net.Listener, err error) {
	for _, f := range files {
		l, failed := net.FileListener(f)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("use %s (only ListenStream= is supported): %w", f.Name(), failed))
		} else {
			all = append(all, l)
		}
		_ = f.Close() // the listener has a descriptor of its own
	}
	return all, err
}

// Listener returns an inherited listener that fits, which then belongs to the caller.
// It is nil when none does.
func (s *Service) Listener(fits func(net.Listener) bool) net.Listener {
	if s == nil {
		return nil
	}
	i := slices.IndexFunc(s.listeners, fits)
	if i < 0 {
		return nil
	}
	l := s.listeners[i]
	s.listeners = slices.Delete(s.listeners, i, i+1)
	return l
}

// CloseListeners closes the inherited listeners that Listener has not returned, and
// returns their addresses.
func (s *Service) CloseListeners() (addresses []string) {
	if s == nil {
		return nil
	}
	for _, l := range s.listeners {
		addresses = append(addresses, l.Addr().String())
		_ = l.Close() // it has accepted no connection
	}
	s.listeners = nil
	return addresses
}
