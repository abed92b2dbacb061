package certificates

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// domain is what is known of a name whose certificate an authority signs.
type domain struct {
	name string
	log  *slog.Logger

	mu         sync.Mutex // guards all below
	notGot     string     // why it was not obtained at the last attempt; "" if it was
	next       time.Time  // when it is attempted again
	notRenewal string     // why it was not renewed at the last attempt; "" if it was
	renewals   int        // failed since
}

// succeeded reports that there is a certificate.
func (d *domain) succeeded() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notGot = ""
}

// failed reports that no certificate was obtained, and that it is attempted again after
// wait. The present one, if there is one, expires at expiry.
func (d *domain) failed(reason string, wait time.Duration, expiry time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notGot, d.next = reason, time.Now().Add(wait)
	if expiry.IsZero() {
		d.log.Error("certificate not obtained; HTTPS fails for this name until it is", "certificate", d.name, "error", reason, "nextAttempt", wait.Round(time.Second))
		return
	}
	d.log.Error("certificate not obtained, the previous one stays", "certificate", d.name, "error", reason, "nextAttempt", wait.Round(time.Second), "expiry", expiry)
}

// renewed reports that the certificate was renewed.
func (d *domain) renewed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notGot, d.notRenewal, d.renewals = "", "", 0
}

// notRenewed reports that the certificate, which expires at expiry, was not renewed.
// certmagic attempts it again.
func (d *domain) notRenewed(reason string, expiry time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notRenewal = reason
	d.renewals++
	d.log.Error("certificate not renewed, the previous one stays; it is attempted again", "certificate", d.name, "error", reason, "expiry", expiry, "failures", d.renewals)
}

// trouble returns what is wrong, "" if nothing is.
func (d *domain) trouble() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.notGot != "":
		return fmt.Sprintf("%s; attempted again at %s", d.notGot, d.next.Format(time.TimeOnly))
	case d.notRenewal != "":
		return "not renewed: " + d.notRenewal
	}
	return ""
}
