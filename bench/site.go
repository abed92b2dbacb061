package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// originCount is how many origins every peer balances over; the generated
// configurations and dynlb's instance bounds follow it.
const originCount = 4

// A site is what one run set up on this machine: a folder, the origins, and
// every process started. close takes all of it down.
type site struct {
	self    string       // this program, to be started in its other parts
	dir     string       // temporary, for generated configurations
	dynlb   string       // the binary to measure
	origins []string     // host:port, once they answer
	traceGC bool         // have Go peers tell of their garbage collections
	tls     *certificate // of the peers; nil: they speak plain HTTP

	children []*child // in start order
}

func newSite(dynlb string, secure bool) (*site, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	dir, err := os.MkdirTemp("", "dynlb-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	s := &site{self: self, dir: dir, dynlb: dynlb}
	if secure {
		if s.tls, err = newCertificate(s); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	return s, nil
}

// start starts a process that close will stop.
func (s *site) start(name string, cmd *exec.Cmd) (*child, error) {
	c, err := startChild(name, cmd)
	if err == nil {
		s.children = append(s.children, c)
	}
	return c, err
}

// goEnv is what the environment of a Go peer has in addition.
func (s *site) goEnv() []string {
	if s.traceGC {
		return []string{"GODEBUG=gctrace=1"}
	}
	return nil
}

// close stops all processes, the last started first, and removes the folder.
func (s *site) close() error {
	for _, c := range slices.Backward(s.children) {
		c.stop()
	}
	return os.RemoveAll(s.dir)
}

// write puts a generated file into the folder and returns its path.
func (s *site) write(name, text string) (string, error) {
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return path, nil
}

// url returns the URL of path at addr, a peer.
func (s *site) url(addr, path string) string {
	if s.tls != nil {
		return "https://" + addr + path
	}
	return "http://" + addr + path
}

// get returns the body of GET url, which must answer 200.
func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Close = true
	transport := &http.Transport{TLSClientConfig: clientTLS()}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: status %d", url, response.StatusCode)
	}
	return io.ReadAll(io.LimitReader(response.Body, 2<<20))
}

// getOK returns a probe that succeeds when GET url answers 200.
func getOK(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := get(ctx, url)
		return err
	}
}

var errNoFreePorts = errors.New("no free ports on 127.0.0.1")

// freePorts returns the first of n neighbouring ports that nothing listens on.
// It stays below 32768, where Linux takes the ports of outgoing connections.
// Ask again only when the ones given are in use.
func freePorts(n int) (int, error) {
	// Two runs at once begin the search in different places. The tests of cmd/dynlb
	// use ports from 20000 on.
	for first := 10000 + os.Getpid()%900*10; first+n <= 20000; first += n {
		if portsFree(first, n) {
			return first, nil
		}
	}
	return 0, errNoFreePorts
}

func portsFree(first, n int) bool {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for i := range n {
		l, err := net.Listen("tcp", loopback(first+i))
		if err != nil {
			return false
		}
		held = append(held, l)
	}
	return true
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
