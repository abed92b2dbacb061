package certificates

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	protocol "github.com/mholt/acmez/v3/acme"
)

// The times until the next attempt. An authority that refuses counts the attempts: Let's
// Encrypt allows five failed validations of a name an hour.
var (
	refusedWaits     = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour}
	unreachableWaits = []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute}
)

// retryAfter returns the time until the next attempt after so many failures in a row
// before that of err.
func retryAfter(failures int, err error) time.Duration {
	waits := unreachableWaits
	if problem, refused := errors.AsType[protocol.Problem](err); refused {
		waits = refusedWaits
		if problem.Status == http.StatusTooManyRequests {
			return waits[len(waits)-1]
		}
	}
	return waits[min(failures, len(waits)-1)]
}

// explain returns what an error of certmagic means and how to mend it, on one line.
func explain(err error, name string, settings *ACME) string {
	if err == nil {
		return "unknown cause"
	}
	if problem, ok := errors.AsType[protocol.Problem](err); ok {
		return explainProblem(problem, name, settings)
	}
	text := oneLine(err.Error())
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	_, isUnknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, isNetwork := errors.AsType[net.Error](err)
	switch {
	case isInvalid && invalid.Reason == x509.Expired:
		return fmt.Sprintf("the certificate of the authority at %s is not valid now; check the clock of this machine: %s", settings.Directory, text)
	case isUnknown:
		return fmt.Sprintf("the certificate of the authority at %s is not trusted; set tls.caRoot: %s", settings.Directory, text)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Sprintf("the disk of %s is full: %s", settings.Storage, text)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("%s must be writable for dynlb; change its owner, or set tls.storage: %s", settings.Storage, text)
	case isNetwork, errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("the authority at %s did not answer; check the network and the DNS of this machine: %s", settings.Directory, text)
	default:
		return text
	}
}

// explainProblem explains an answer of the authority (RFC 8555, 6.7).
func explainProblem(problem protocol.Problem, name string, settings *ACME) string {
	ports := "port 443"
	switch {
	case settings.HTTPPort != 0 && settings.TLSPort != 0:
		ports = "port 443 or 80"
	case settings.HTTPPort != 0:
		ports = "port 80"
	}
	remedy := "see what it says"
	switch kind := problem.Type[strings.LastIndexByte(problem.Type, ':')+1:]; kind {
	case "connection":
		remedy = fmt.Sprintf("it could not connect to %s on %s; check the firewall, and that the DNS records of the name point to this machine", name, ports)
	case "unauthorized", "incorrectResponse", "tls":
		remedy = fmt.Sprintf("%s on %s was not answered by this dynlb; check that the DNS records of the name point to this machine, and what else listens there", name, ports)
	case "dns":
		remedy = "create a DNS record for " + name
	case "caa":
		remedy = fmt.Sprintf("a CAA record of %s does not allow this authority; change the record, or set tls.ca", name)
	case "rateLimited":
		remedy = "too many attempts or certificates; wait"
	case "rejectedIdentifier", "unsupportedIdentifier":
		remedy = fmt.Sprintf("it signs no certificate for %s; remove the name from tls.domains", name)
	case "invalidContact", "unsupportedContact":
		remedy = "set another tls.email"
	case "externalAccountRequired":
		remedy = "it needs an account of its own kind, which dynlb does not support; set another tls.ca"
	}
	return fmt.Sprintf("the authority refused: %s: %s", remedy, oneLine(problem.Detail))
}

// oneLine returns a text without line breaks.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
