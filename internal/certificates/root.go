package certificates

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The files of the authority of this machine.
const (
	rootFile = "root.crt"
	keyFile  = "root.key"
)

// loadRoot returns the certificate of an authority and its key. The error is
// fs.ErrNotExist if the folder does not exist.
func loadRoot(dir string) (*tls.Certificate, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	root, err := tls.LoadX509KeyPair(filepath.Join(dir, rootFile), filepath.Join(dir, keyFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read authority: %v", err) //nolint:errorlint // the folder exists
	case err != nil:
		return nil, fmt.Errorf("read authority: %w", err)
	case !root.Leaf.IsCA:
		return nil, errors.New("read authority: its certificate is not that of an authority")
	case time.Until(root.Leaf.NotAfter) < rootRest:
		return nil, fmt.Errorf("read authority: it expires on %s", root.Leaf.NotAfter.Format(time.DateOnly))
	}
	return &root, nil
}

// createRoot makes an authority. Its files are in the folder at once or not at all: the
// folder is renamed when they are complete. If another process was faster, its authority
// is returned.
func createRoot(dir string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	machine, err := os.Hostname()
	if err != nil {
		machine = "this machine"
	}
	now := time.Now()
	template := newTemplate(pkix.Name{CommonName: "dynlb on " + machine + ", " + now.Format(time.DateOnly)}, now, rootLife)
	template.IsCA, template.MaxPathLenZero = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, err
	}
	unfinished, err := os.MkdirTemp(filepath.Dir(dir), "internal-*") // of mode 0700
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(unfinished) }() // it is gone if it was renamed
	if err := writePEM(filepath.Join(unfinished, keyFile), "PRIVATE KEY", private); err != nil {
		return nil, err
	}
	if err := writePEM(filepath.Join(unfinished, rootFile), "CERTIFICATE", der); err != nil {
		return nil, err
	}
	if err := os.Rename(unfinished, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return loadRoot(dir)
}

// writePEM writes a file that only its owner can read. It is on the disk when writePEM
// returns.
func writePEM(path, kind string, der []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pem.Encode(f, &pem.Block{Type: kind, Bytes: der}); err != nil {
		return err
	}
	return f.Sync()
}
