// Package probe makes the health checks of instances, of whatever kind of fleet.
package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// maxHealthBody is how much of the response to a health check is read. A few words
// are usual.
const maxHealthBody = 64 << 10

// A Prober sends a health check for path to the instance at an endpoint. Nil means
// healthy.
type Prober func(ctx context.Context, at registry.Endpoint, path string) error

// HTTP is a Prober for which a 2xx status means healthy. It follows no redirects.
// Each check has its own connection, because an instance must accept new ones to be
// healthy.
func HTTP(ctx context.Context, at registry.Endpoint, path string) error {
	transport, end := transportTo(ctx, at)
	defer end()
	transport.DisableKeepAlives = true
	return probeOver(ctx, transport, at, path)
}

// transportTo returns a transport for the one request of a check, which ends with ctx, and a
// function that ends its connection, also one that is still being made. net/http makes it all
// the same, and keeps a connection of HTTP/2 whose request was given up.
func transportTo(ctx context.Context, at registry.Endpoint) (transport *http.Transport, end func()) {
	open, end := context.WithCancel(context.WithoutCancel(ctx))
	transport = &http.Transport{
		DisableCompression: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, at.Network, at.Address)
			if err == nil {
				context.AfterFunc(open, func() { _ = conn.Close() }) // an error changes nothing
			}
			return conn, err
		},
	}
	return transport, end
}

// probeOver makes a health check over a transport.
func probeOver(ctx context.Context, transport *http.Transport, at registry.Endpoint, path string) error {
	client := &http.Client{
		Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at.Host()+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	request.Header.Set("User-Agent", "dynlb-health")
	response, err := client.Do(request)
	if err != nil {
		return probeError(at.Address, err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return &StatusError{path, response.StatusCode}
	}
	if _, err := io.CopyN(io.Discard, response.Body, maxHealthBody); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("GET %s: read body: %w", path, err)
	}
	return nil
}

// ConnRefused reports whether err means that no program listens there.
func ConnRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// OutOfDescriptors reports whether err means that dynlb has no free descriptor. It
// says nothing about an instance.
func OutOfDescriptors(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// Within makes a health check that may take as long as limit.
func Within(ctx context.Context, limit time.Duration, check Prober, at registry.Endpoint, path string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := check(ctx, at, path)
	if errors.Is(err, context.DeadlineExceeded) {
		return &SilenceError{path, limit}
	}
	return err
}
