package daemon

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/server"
)

// control is the control plane of one config. A reload that changes auth, admin or
// adminHTTP replaces it.
type control struct {
	server           *server.Server
	admin, adminHTTP net.Listener
	retired          atomic.Bool // it has been replaced
}

// newControl opens the control listeners and builds the server for them.
func (d *Daemon) newControl(settings *config.Config) (c *control, err error) {
	if c, err = d.buildControl(settings); err != nil {
		return nil, err
	}
	if c.admin, err = d.listenFirst("admin", settings.Admin); err == nil {
		c.adminHTTP, err = d.listenFirst("adminHTTP", settings.AdminHTTP)
	}
	if err != nil {
		return nil, errors.Join(err, c.discard())
	}
	return c, nil
}

// buildControl builds the server of a control plane, which has no listeners yet.
func (d *Daemon) buildControl(settings *config.Config) (*control, error) {
	auth, err := serverAuth(settings.Auth, d.log)
	if err != nil {
		return nil, err
	}
	s, err := server.New(server.Options{
		Apps:    d.controlApps(),
		Metrics: d.metrics,
		Log:     d.log,
		Version: d.options.Version,
		Auth:    auth,
		Hosts:   hostOf(settings.AdminHTTP),

		Certificates: d.reportCertificates,
		Upgrader:     d.upgrader(),
		History:      d.history,
		Logs:         d.logs,
		Operator:     operator{d},
		Sessions:     d.sessions,
	})
	if err != nil {
		return nil, err
	}
	return &control{server: s}, nil
}

// discard releases a control plane that is not going to be served. Nil: nothing.
func (c *control) discard() error {
	if c == nil {
		return nil
	}
	for _, l := range []net.Listener{c.admin, c.adminHTTP} {
		if l != nil {
			_ = l.Close() // it has accepted no connection
		}
	}
	return c.server.Shutdown(context.Background()) // it has no clients
}

// serve serves until retire, the shutdown of the server or a failure, which it
// returns.
func (c *control) serve() error {
	err := c.server.Serve(c.admin, c.adminHTTP)
	if c.retired.Load() {
		return nil
	}
	return err
}

// retire stops a control plane that has been replaced.
func (c *control) retire(ctx context.Context) error {
	c.retired.Store(true)
	return c.server.Shutdown(ctx)
}
