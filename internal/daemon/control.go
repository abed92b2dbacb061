package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/server"
)

// control is the control plane as one configuration has it. Another takes its
// place when who may use it, or where it listens, changes.
type control struct {
	server           *server.Server
	admin, adminHTTP net.Listener
	retired          atomic.Bool // another has taken its place
}

// newControl opens the listeners, but for those that before, which may be nil,
// has open on the same address: these it shares.
func (d *Daemon) newControl(settings *config.Config, before *control) (*control, error) {
	auth, err := serverAuth(settings.Auth, d.log)
	if err != nil {
		return nil, err
	}
	var shareAdmin, shareHTTP net.Listener
	if before != nil && d.plan.config.Admin == settings.Admin {
		shareAdmin = before.admin
	}
	if before != nil && d.plan.config.AdminHTTP == settings.AdminHTTP {
		shareHTTP = before.adminHTTP
	}
	c := &control{}
	c.admin, err = open("admin", settings.Admin, shareAdmin)
	if err == nil {
		c.adminHTTP, err = open("adminHTTP", settings.AdminHTTP, shareHTTP)
	}
	if err == nil {
		c.server, err = server.New(server.Options{
			Board:     d.board,
			Scaler:    d.autoscaler,
			Restarter: d.supervisor,
			Metrics:   d.metrics,
			Log:       d.log,
			Version:   d.options.Version,
			Auth:      auth,
			Hosts:     hostOf(settings.AdminHTTP),
		})
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// close closes the listeners that are open, of a control that is not served.
func (c *control) close() {
	for _, l := range []net.Listener{c.admin, c.adminHTTP} {
		if l != nil {
			_ = l.Close() // nothing was accepted on it
		}
	}
}

// serve serves until it is shut down, or fails.
func (c *control) serve() error {
	err := c.server.Serve(c.admin, c.adminHTTP)
	if c.retired.Load() {
		return nil
	}
	return err
}

// retire ends it, now that another has taken its place. Its clients connect anew.
func (c *control) retire(ctx context.Context) error {
	c.retired.Store(true)
	return c.server.Shutdown(ctx)
}

// open listens on the address that a key of the config has, or shares what
// listens there already.
func open(key, address string, share net.Listener) (net.Listener, error) {
	if share != nil {
		return duplicate(key, share)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		why := ""
		if errors.Is(err, syscall.EADDRINUSE) {
			why = "perhaps another dynlb runs; "
		}
		return nil, fmt.Errorf("%w (%sto use another port, set %s: in the config)", err, why, key)
	}
	return l, nil
}

// duplicate returns a listener that shares a socket with l: what connects goes to
// one of them, and closing one leaves the other open.
func duplicate(key string, l net.Listener) (net.Listener, error) {
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

// status answers GET /lb-status by whichever control plane is in place.
func (d *Daemon) status(w http.ResponseWriter, r *http.Request) {
	d.control.Load().server.StatusHandler().ServeHTTP(w, r)
}
