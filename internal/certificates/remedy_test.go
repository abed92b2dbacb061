package certificates

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	protocol "github.com/mholt/acmez/v3/acme"
)

// TestRetryAfter attempts again soon when the authority was not reached, and later when
// it refused: it counts refusals.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	unreachable := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	refused := fmt.Errorf("obtain: %w", protocol.Problem{Type: "urn:ietf:params:acme:error:connection", Status: 400})
	for _, test := range []struct {
		failures int
		err      error
		want     time.Duration
	}{
		{0, unreachable, 10 * time.Second},
		{1, unreachable, 20 * time.Second},
		{100, unreachable, 5 * time.Minute},
		{0, refused, time.Minute},
		{100, refused, time.Hour},
		{0, protocol.Problem{Status: 429}, time.Hour},
	} {
		if got := retryAfter(test.failures, test.err); got != test.want {
			t.Errorf("after %d failures, %v: %v, want %v", test.failures, test.err, got, test.want)
		}
	}
	var refusals int
	for spent := time.Duration(0); spent < time.Hour; refusals++ {
		spent += retryAfter(refusals, refused)
	}
	if refusals > 5 { // Let's Encrypt's limit for failed validations of a name
		t.Errorf("%d attempts in an hour, want at most 5", refusals)
	}
}

// TestExplain names the remedy of each kind of error, on one line.
func TestExplain(t *testing.T) {
	t.Parallel()
	settings := &ACME{Directory: "https://ca.example.com/dir", Storage: "/state", HTTPPort: 80, TLSPort: 443}
	problem := func(kind string) error {
		return fmt.Errorf("[a.example.com] Obtain: %w", protocol.Problem{Type: "urn:ietf:params:acme:error:" + kind, Detail: "what it\nsays"})
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{problem("connection"), "could not connect to a.example.com on port 443 or 80; check the firewall"},
		{problem("unauthorized"), "a.example.com on port 443 or 80 was not answered by this dynlb; check that the DNS records"},
		{problem("dns"), "create a DNS record for a.example.com"},
		{problem("caa"), "a CAA record of a.example.com does not allow this authority"},
		{problem("rateLimited"), "wait"},
		{problem("rejectedIdentifier"), "remove the name from tls.domains"},
		{problem("invalidContact"), "set another tls.email"},
		{problem("externalAccountRequired"), "set another tls.ca"},
		{problem("serverInternal"), "see what it says: what it says"},
		{x509.CertificateInvalidError{Reason: x509.Expired}, "check the clock of this machine"},
		{x509.UnknownAuthorityError{}, "set tls.caRoot"},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, "the authority at https://ca.example.com/dir did not answer; check the network"},
		{context.DeadlineExceeded, "did not answer"},
		{&fs.PathError{Op: "open", Path: "/state/x", Err: syscall.EACCES}, "/state must be writable for dynlb"},
		{&fs.PathError{Op: "write", Path: "/state/x", Err: syscall.ENOSPC}, "the disk of /state is full"},
		{errors.New("first\nsecond"), "first second"},
		{nil, "unknown cause"},
	} {
		got := explain(test.err, "a.example.com", settings)
		if !strings.Contains(got, test.want) || strings.Contains(got, "\n") {
			t.Errorf("%v: %q, want %q in one line", test.err, got, test.want)
		}
	}
}

// TestDefaultStorage finds the folder in the environment.
func TestDefaultStorage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		environment map[string]string
		want        string
	}{
		{map[string]string{"STATE_DIRECTORY": "/var/lib/dynlb:/var/lib/other", "HOME": "/root"}, "/var/lib/dynlb/certificates"},
		{map[string]string{"XDG_STATE_HOME": "/home/a/state", "HOME": "/home/a"}, "/home/a/state/dynlb/certificates"},
		{map[string]string{"XDG_STATE_HOME": "state", "HOME": "/home/a"}, "/home/a/.local/state/dynlb/certificates"},
		{nil, ""},
	} {
		got, err := DefaultStorage(func(name string) string { return test.environment[name] })
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%v: %q, error %v, want %q", test.environment, got, err, test.want)
		}
	}
}
