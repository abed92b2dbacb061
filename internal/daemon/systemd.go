package daemon

import (
	"net"
	"time"

	"github.com/dynlb/dynlb/internal/keeper"
)

// reportReady reports to systemd that the daemon serves, and where. The instances may
// not be ready yet: requests wait for them.
func (d *Daemon) reportReady() {
	d.reportError(d.options.Service.Ready("serving on " + d.public.Addr().String()))
}

// reportError logs that a report has not reached systemd.
func (d *Daemon) reportError(err error) {
	if err != nil {
		d.log.Warn("report to systemd", "error", err)
	}
}

// signsOfLife returns a channel that ticks when systemd expects a sign of life, and what
// ends it. The channel is nil when systemd expects none.
func (d *Daemon) signsOfLife() (<-chan time.Time, func()) {
	interval := d.options.Service.Interval()
	if interval <= 0 {
		return nil, func() {}
	}
	ticker := time.NewTicker(interval)
	return ticker.C, ticker.Stop
}

// listenFirst returns the listener on the address that a key of the config has: the
// socket that systemd or the keeper holds for dynlb if there is one, else a new one.
func (d *Daemon) listenFirst(key, address string) (net.Listener, error) {
	fits := func(l net.Listener) bool { return sameAddress(l, address) }
	if l := d.options.Service.Listener(fits); l != nil {
		return l, nil
	}
	if k := d.options.Keeper; k != nil {
		// A port that the kernel has chosen is not in the address.
		named := func(s keeper.Socket) bool { return s.Name == key+"="+address || s.Name == "" && fits(s.Listener) }
		if l := k.Listener(named); l != nil {
			return l, nil
		}
	}
	return listen(key, address)
}

// closeInherited closes the sockets of systemd that no key of the config has named.
func (d *Daemon) closeInherited() {
	left := d.options.Service.CloseListeners()
	if k := d.options.Keeper; k != nil {
		if of := k.CloseListeners(); k.Welcome().Epoch == 0 { // else they are those of an earlier config
			left = append(left, of...)
		}
	}
	for _, address := range left {
		d.log.Warn("systemd listens on an address that no key of the config has", "address", address)
	}
}
