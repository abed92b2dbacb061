package daemon

import (
	"context"
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

// newControl opens the control listeners and builds the server for them. It shares
// the sockets of before, which may be nil, where the address stays the same.
func (d *Daemon) newControl(settings *config.Config, before *control) (*control, error) {
	auth, err := serverAuth(settings.Auth, d.log)
	if err != nil {
		return nil, err
	}
	c := &control{}
	if before != nil && d.plan.config.Admin == settings.Admin {
		c.admin, err = share("admin", before.admin)
	} else {
		c.admin, err = listen("admin", settings.Admin)
	}
	if err != nil {
		return nil, err
	}
	if before != nil && d.plan.config.AdminHTTP == settings.AdminHTTP {
		c.adminHTTP, err = share("adminHTTP", before.adminHTTP)
	} else {
		c.adminHTTP, err = listen("adminHTTP", settings.AdminHTTP)
	}
	if err != nil {
		c.admin.Close()
		return nil, err
	}
	c.server, err = server.New(server.Options{
		Apps:    d.controlApps(),
		Metrics: d.metrics,
		Log:     d.log,
		Version: d.options.Version,
		Auth:    auth,
		Hosts:   hostOf(settings.AdminHTTP),
	})
	if err != nil {
		c.admin.Close()
		c.adminHTTP.Close()
		return nil, err
	}
	return c, nil
}

// discard releases a control plane that is not going to be served. Nil: nothing.
func (c *control) discard() error {
	if c == nil {
		return nil
	}
	c.admin.Close()
	c.adminHTTP.Close()
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
