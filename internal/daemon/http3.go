package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

const (
	// http3Interval is how often the UDP port is tried that a worker before, or a listener
	// before, still has.
	http3Interval = 100 * time.Millisecond
	// altSvcAge is for how long clients remember that there is HTTP/3: the default of RFC 7838,
	// 3.1. For so long they may try UDP first after it was turned off.
	altSvcAge = 24 * time.Hour
)

// http3 is the listener for HTTP/3. The goroutine of Run owns it, and New before that.
type http3 struct {
	address string       // that the config asks for; "": none
	socket  *net.UDPConn // that is served; nil: there is none, or it is waited for
	endWait func()       // not nil while it is waited for
	opened  chan http3Opened
	failed  chan http3Failure // of some capacity; more are not needed
	state   atomic.Int32      // for the metrics

	mu    sync.Mutex  // guards all below
	ports map[int]int // how many sockets that are not closed yet are on them
}

// hold counts a socket on a port that is served, or one that is closed.
func (h *http3) hold(port, change int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ports == nil {
		h.ports = map[int]int{}
	}
	h.ports[port] += change
}

// holds reports whether a socket of this process is on a port, served or left.
func (h *http3) holds(port int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ports[port] > 0
}

// The states of http3.
const (
	http3Off int32 = iota
	http3Waits
	http3Serves
)

// http3Opened is a socket that was waited for.
type http3Opened struct {
	address string
	socket  *net.UDPConn
}

// http3Failure tells that a socket has failed.
type http3Failure struct {
	socket *net.UDPConn
	cause  error
}

// http3Address returns the address of the listener for HTTP/3: the port of the public one.
// It is "" if there is none.
func http3Address(c *config.Config, publicPort int) string {
	if !c.TLS.On() || !c.TLS.HTTP3 {
		return ""
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return ""
	}
	if port == "0" {
		port = strconv.Itoa(publicPort)
	}
	return net.JoinHostPort(host, port)
}

// listenUDP opens the socket for HTTP/3.
func listenUDP(address string) (*net.UDPConn, error) {
	var c net.ListenConfig
	l, err := c.ListenPacket(context.Background(), "udp", address)
	if err != nil {
		return nil, explainUDP(err, address)
	}
	return l.(*net.UDPConn), nil
}

// explainUDP adds to an error of listenUDP what has the port, and what to do.
func explainUDP(err error, address string) error {
	why := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		why = "perhaps another dynlb runs; "
		if users, _ := procfs.FindUDPPortUsers(portOf(address)); len(users) > 0 {
			why = fmt.Sprintf("%v has the udp address; ", users[0])
		}
	case errors.Is(err, syscall.EACCES):
		why = "a port below 1024 needs root, or setcap cap_net_bind_service=+ep on the program; "
	}
	return fmt.Errorf("tls.http3: %w (%sto use another port, set listen: in the config; to do without HTTP/3, take out tls.http3)", err, why)
}

// openHTTP3 opens the socket for HTTP/3 at the start. A worker that takes over from another
// one waits for it: that one has it until its clients of HTTP/3 are gone.
func (d *Daemon) openHTTP3() error {
	d.resetKey = d.options.saved.key(func(s *saved) []byte { return s.ResetKey })
	d.http3.opened, d.http3.failed = make(chan http3Opened), make(chan http3Failure, 4)
	d.http3.address = http3Address(&d.plan.config, portOf(d.public.Addr().String()))
	if d.http3.address == "" {
		return nil
	}
	socket, err := listenUDP(d.http3.address)
	if k := d.options.Keeper; k != nil && k.Welcome().Epoch > 0 && errors.Is(err, syscall.EADDRINUSE) {
		return nil // startHTTP3 waits
	}
	if err != nil {
		return err
	}
	d.http3.socket = socket
	d.cleanups.add(func(context.Context) error {
		_ = socket.Close() // the proxy has closed it, or it has read nothing
		return nil
	})
	return nil
}

// startHTTP3 serves the socket that openHTTP3 has opened, or waits for it.
func (d *Daemon) startHTTP3() {
	switch h := &d.http3; {
	case h.socket != nil:
		d.serveHTTP3(h.socket)
	case h.address != "":
		d.awaitHTTP3()
	}
}

// prepareHTTP3 opens the socket for HTTP/3 that a config has and the present one has not. It
// is not opened yet where only a socket of dynlb can have the port.
func (d *Daemon) prepareHTTP3(p *prepared) (err error) {
	port := portOf(p.plan.config.Listen)
	if port == 0 && p.public != nil {
		port = portOf(p.public.Addr().String())
	} else if port == 0 {
		port = int(d.publicPort.Load())
	}
	p.http3Address = http3Address(&p.plan.config, port)
	if p.http3Address == "" || p.http3Address == d.http3.address {
		return nil
	}
	p.http3, err = listenUDP(p.http3Address)
	own := d.draining.count() > 0 || d.http3.holds(portOf(p.http3Address))
	if own && errors.Is(err, syscall.EADDRINUSE) {
		return nil
	}
	return err
}

// replaceHTTP3 puts the listener for HTTP/3 of a reload in the place of the present one,
// whose clients are asked to leave. Nothing changes if the address is the same.
func (d *Daemon) replaceHTTP3(p *prepared) {
	if p.http3Address == d.http3.address {
		return
	}
	d.leaveHTTP3()
	d.http3.address = p.http3Address
	switch {
	case p.http3Address == "":
	case p.http3 != nil:
		d.serveHTTP3(p.http3)
	default:
		d.awaitHTTP3()
	}
}

// serveHTTP3 serves a socket, and has responses tell of it.
func (d *Daemon) serveHTTP3(socket *net.UDPConn) {
	h := &d.http3
	h.socket = socket
	h.state.Store(http3Serves)
	d.log.Info("serving HTTP/3", "udp", socket.LocalAddr().String())
	d.plan.proxy.AltSvc = fmt.Sprintf(`h3=":%d"; ma=%d`, portOf(h.address), int(altSvcAge/time.Second))
	d.proxy.Configure(d.plan.proxy)
	if d.options.Keeper != nil && d.options.saved == nil {
		d.parts.Go(d.saveNow) // the next worker needs the resetKey, however soon this one dies
	}
	port := portOf(socket.LocalAddr().String())
	h.hold(port, 1)
	d.parts.Go(func() { // ends with leaveHTTP3, or with the proxy
		defer h.hold(port, -1)
		if err := d.proxy.ServeHTTP3(socket); err != nil {
			select {
			case d.http3.failed <- http3Failure{socket, err}:
			default: // Run has ended
			}
		}
	})
}

// awaitHTTP3 tries to open the socket until it can be opened. Clients use TCP meanwhile.
func (d *Daemon) awaitHTTP3() {
	d.http3.state.Store(http3Waits)
	ctx, end := context.WithCancel(context.Background())
	d.http3.endWait = end
	address := d.http3.address
	d.log.Info("HTTP/3 begins when the clients of the listener before have left", "udp", address)
	d.parts.Go(func() { // until endWait
		warned := false
		tick := time.NewTicker(http3Interval)
		defer tick.Stop()
		for {
			socket, err := listenUDP(address)
			if err == nil {
				select {
				case d.http3.opened <- http3Opened{address, socket}:
				case <-ctx.Done():
					_ = socket.Close() // it has read nothing
				}
				return
			}
			if !warned && d.draining.count() == 0 && !d.http3.holds(portOf(address)) && time.Since(d.begin) > time.Second {
				warned = true
				d.log.Warn("HTTP/3 is not served yet, trying again", "error", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
}

// openedHTTP3 serves a socket that was waited for.
func (d *Daemon) openedHTTP3(o http3Opened) {
	h := &d.http3
	if o.address != h.address || h.socket != nil {
		_ = o.socket.Close() // it has read nothing
		return
	}
	h.endWait()
	h.endWait = nil
	d.serveHTTP3(o.socket)
}

// failedHTTP3 begins again after a failure of the socket that is served.
func (d *Daemon) failedHTTP3(f http3Failure) {
	if f.socket != d.http3.socket {
		return
	}
	d.log.Error("HTTP/3 failed, beginning again", "error", f.cause)
	address := d.http3.address
	d.leaveHTTP3()
	d.http3.address = address
	d.awaitHTTP3()
}

// leaveHTTP3 ends the listener for HTTP/3 for new clients, and asks those that there are to
// leave. Responses do not tell of it any more. It does not wait.
func (d *Daemon) leaveHTTP3() {
	h := &d.http3
	if h.endWait != nil {
		h.endWait()
		h.endWait = nil
	}
	if h.socket != nil {
		d.log.Info("no HTTP/3 any more for new clients", "udp", h.socket.LocalAddr().String())
		d.plan.proxy.AltSvc = ""
		d.proxy.Configure(d.plan.proxy)
		d.proxy.LeaveHTTP3(h.socket)
	}
	h.socket, h.address = nil, ""
	h.state.Store(http3Off)
}

// stopHTTP3 is leaveHTTP3 as a cleanup.
func (d *Daemon) stopHTTP3(context.Context) error {
	d.leaveHTTP3()
	return nil
}
