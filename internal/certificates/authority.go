package certificates

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/pattern"
)

const (
	// rootLife is how long the certificate of the authority is valid. It has to be made
	// known to browsers by hand.
	rootLife = 10 * 365 * 24 * time.Hour
	// rootRest is how long it must be valid at least when dynlb starts.
	rootRest = 30 * 24 * time.Hour
	// leafLife is how long a certificate that it signs is valid. Another one is signed
	// when half of it is over.
	leafLife = 24 * time.Hour
	// clockError is how much the clocks of clients may be behind.
	clockError = time.Hour
	// maxLeaves bounds the certificates in memory, each of which takes about 4 KiB: a
	// client may ask for any name.
	maxLeaves = 1000
)

// Internal is about the authority of this machine. The zero value: there is none.
type Internal struct {
	// Storage is the folder of its certificate and its key.
	Storage string
}

// authority signs certificates for the names that clients ask for. It is for development:
// only clients that were told to trust it accept them.
type authority struct {
	path string // of its own certificate
	root *tls.Certificate
	key  *ecdsa.PrivateKey // of all certificates that it signs
	log  *slog.Logger
	told sync.Once

	mu     sync.Mutex // guards leaves
	leaves map[string]*tls.Certificate
}

// newAuthority returns the authority in a folder. If there is none, or it cannot be used
// any more, it makes one.
func newAuthority(settings Internal, log *slog.Logger) (*authority, error) {
	dir := filepath.Join(settings.Storage, "internal")
	a := &authority{path: filepath.Join(dir, rootFile), log: log, leaves: map[string]*tls.Certificate{}}
	root, err := loadRoot(dir)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, err
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		if err := moveAside(settings.Storage, dir, err, log); err != nil {
			return nil, err
		}
	}
	if err != nil {
		if root, err = createRoot(dir); err != nil {
			return nil, fmt.Errorf("create authority: %w", err)
		}
		log.Info("certificate authority for development created", "root", a.path)
	}
	a.root = root
	a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return a, err
}

func (a *authority) start() {
	a.told.Do(func() {
		a.log.Info("to trust the certificates of this dynlb, add its authority to the trust store of the browser, or use curl --cacert", "root", a.path)
	})
}

func (a *authority) close() {}

// host is what a certificate may be for: labels of letters, digits, hyphens and
// underscores.
var host = pattern.New(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)

const maxHost = 253 // RFC 1035, 2.3.4

func (a *authority) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := serverName(hello)
	if name == "" {
		name = localAddress(hello)
	} else if !host().MatchString(name) || len(name) > maxHost {
		return nil, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if leaf := a.leaves[name]; leaf != nil && leaf.Leaf.NotAfter.Sub(now) > leafLife/2 {
		return leaf, nil
	}
	leaf, err := a.sign(name, now)
	if err != nil {
		return nil, fmt.Errorf("sign certificate for %s: %w", name, err)
	}
	if len(a.leaves) >= maxLeaves {
		clear(a.leaves)
	}
	a.leaves[name] = leaf
	return leaf, nil
}

func (a *authority) standard(*tls.ClientHelloInfo) *tls.Certificate { return nil }

// localAddress returns the address that a client connected to, which is the name of a
// client that names no host.
func localAddress(hello *tls.ClientHelloInfo) string {
	if hello.Conn != nil {
		if address, ok := hello.Conn.LocalAddr().(*net.TCPAddr); ok {
			return address.IP.String()
		}
	}
	return "127.0.0.1"
}

// sign returns a certificate for a name or an address.
func (a *authority) sign(name string, now time.Time) (*tls.Certificate, error) {
	template := newTemplate(pkix.Name{CommonName: "dynlb"}, now, leafLife)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.root.Leaf, &a.key.PublicKey, a.root.PrivateKey)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key, Leaf: leaf}, nil
}

// newTemplate returns what a certificate begins with.
func newTemplate(subject pkix.Name, now time.Time, life time.Duration) *x509.Certificate {
	// CreateCertificate makes the serial number.
	return &x509.Certificate{
		Subject: subject, NotBefore: now.Add(-clockError), NotAfter: now.Add(life), BasicConstraintsValid: true,
	}
}

func (a *authority) reports() []Report {
	out := Report{Name: a.root.Leaf.Subject.CommonName, Source: "internal", Expiry: a.root.Leaf.NotAfter}
	if time.Now().After(out.Expiry) {
		out.Error = "the authority for development has expired; restart dynlb, and trust " + a.path + " again"
	}
	return []Report{out}
}
