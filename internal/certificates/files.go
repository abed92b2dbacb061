package certificates

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// fileInterval is the time between two checks of the files. A check takes two system
// calls a certificate.
const fileInterval = 2 * time.Second

// File names the files of a certificate and of its private key.
type File struct {
	// Key is the key of the config that names them, for messages.
	Key string
	// Cert and PrivateKey are paths.
	Cert, PrivateKey string
}

// files are certificates from files.
type files struct {
	list   []*pair
	byName atomic.Pointer[map[string][]*tls.Certificate]
	log    *slog.Logger

	starting, closing sync.Once
	stop              chan struct{}
	running           sync.WaitGroup
}

// pair is a certificate with its key, as it was last read without an error.
type pair struct {
	file File
	read func(cert, key string) (tls.Certificate, error)
	cert atomic.Pointer[tls.Certificate]

	mu      sync.Mutex // guards trouble
	trouble string     // why the files are not in force; "" when they are

	// Owned by the goroutine that checks:

	seen     [2]os.FileInfo // the files before they were last read
	failures int            // since then
}

// newFiles reads certificates.
func newFiles(list []File, options Options) (*files, error) {
	f := &files{log: options.Log, stop: make(chan struct{})}
	for _, file := range list {
		p := &pair{file: file, read: options.Read}
		if err := p.load(); err != nil {
			return nil, err
		}
		f.list = append(f.list, p)
	}
	f.index()
	return f, nil
}

// index orders the certificates by the names that they are for.
func (f *files) index() {
	byName := map[string][]*tls.Certificate{}
	for _, p := range f.list {
		c := p.cert.Load()
		for _, name := range c.Leaf.DNSNames {
			name = strings.ToLower(name)
			byName[name] = append(byName[name], c)
		}
	}
	f.byName.Store(&byName)
}

func (f *files) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := serverName(hello)
	if c := fitting(hello, (*f.byName.Load())[name]); c != nil {
		return c, nil
	}
	if _, domain, ok := strings.Cut(name, "."); ok {
		return fitting(hello, (*f.byName.Load())["*."+domain]), nil
	}
	return nil, nil
}

// fitting returns the first certificate that the client understands, or else the first
// one; nil if there is none.
func fitting(hello *tls.ClientHelloInfo, list []*tls.Certificate) *tls.Certificate {
	if len(list) == 0 {
		return nil
	}
	if i := slices.IndexFunc(list, func(c *tls.Certificate) bool { return hello.SupportsCertificate(c) == nil }); i > 0 {
		return list[i]
	}
	return list[0]
}

func (f *files) standard(*tls.ClientHelloInfo) *tls.Certificate { return f.list[0].cert.Load() }

func (f *files) start() {
	f.starting.Do(func() {
		f.running.Go(f.watch) // close ends it
	})
}

func (f *files) close() {
	f.closing.Do(func() { close(f.stop) })
	f.running.Wait()
}

// watch reads files that have changed, until close.
func (f *files) watch() {
	ticker := time.NewTicker(fileInterval)
	defer ticker.Stop()
	for {
		select {
		case <-f.stop:
			return
		case <-ticker.C:
		}
		for _, p := range f.list {
			f.check(p)
		}
	}
}

// check reads the files of a pair if they have changed. If they are not a certificate
// with its key, the previous one stays. That counts the second time only: the first time,
// one of the files may not have been written yet.
func (f *files) check(p *pair) {
	if p.unchanged() {
		return
	}
	err := p.load()
	trouble := ""
	if err != nil {
		p.failures++
		if p.failures == 1 {
			return
		}
		trouble = err.Error()
	}
	p.mu.Lock()
	before := p.trouble
	p.trouble = trouble
	p.mu.Unlock()
	switch {
	case err == nil:
		f.index()
		f.log.Info("certificate read again", "certificate", nameOf(p.cert.Load()), "expiry", p.cert.Load().Leaf.NotAfter)
	case trouble != before:
		f.log.Error("certificate not read, keeping the previous one", "certificate", nameOf(p.cert.Load()), "error", err)
	}
}

// load reads the files.
func (p *pair) load() error {
	var seen [2]os.FileInfo
	for i, path := range []string{p.file.Cert, p.file.PrivateKey} {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("%s: %w", p.file.Key, err)
		}
		seen[i] = info
	}
	cert, err := p.read(p.file.Cert, p.file.PrivateKey)
	if err != nil {
		return fmt.Errorf("%s: %w", p.file.Key, err)
	}
	p.seen, p.failures = seen, 0
	p.cert.Store(&cert)
	return nil
}

// unchanged reports whether the files are still those that were read.
func (p *pair) unchanged() bool {
	for i, path := range []string{p.file.Cert, p.file.PrivateKey} {
		info, err := os.Stat(path)
		before := p.seen[i]
		if err != nil || !os.SameFile(info, before) || !info.ModTime().Equal(before.ModTime()) || info.Size() != before.Size() {
			return false
		}
	}
	return true
}

func (f *files) reports() []Report {
	out := make([]Report, len(f.list))
	now := time.Now()
	for i, p := range f.list {
		c := p.cert.Load()
		p.mu.Lock()
		trouble := p.trouble
		p.mu.Unlock()
		if trouble == "" && now.After(c.Leaf.NotAfter) {
			trouble = fmt.Sprintf("%s: the certificate has expired; replace %s and its key", p.file.Key, p.file.Cert)
		}
		out[i] = Report{Name: nameOf(c), Source: "file", Expiry: c.Leaf.NotAfter, Error: trouble}
	}
	return out
}

// nameOf returns the first name that a certificate is for.
func nameOf(c *tls.Certificate) string {
	switch leaf := c.Leaf; {
	case len(leaf.DNSNames) > 0:
		return leaf.DNSNames[0]
	case len(leaf.IPAddresses) > 0:
		return leaf.IPAddresses[0].String()
	default:
		return leaf.Subject.CommonName
	}
}
