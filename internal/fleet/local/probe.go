package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
)

// hosts are where an instance may listen, in the order they are tried: an app
// that listens on "localhost" may get either.
var hosts = []string{"127.0.0.1", "::1"}

// maxHealthBody is how much of a health check's answer is read. A few words are
// usual; what is longer is not for us.
const maxHealthBody = 64 << 10

// prober asks the instance at address (host:port) for path, whether it is well.
type prober func(ctx context.Context, address, path string) error

// newHTTPProber returns a prober that speaks HTTP: 200 means well. Redirects are
// not followed, and each probe is a connection of its own, so that it tells
// whether the instance takes new ones.
func newHTTPProber() prober {
	client := &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
	return func(ctx context.Context, address, path string) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, http.NoBody)
		if err != nil {
			return fmt.Errorf("probe: %w", err)
		}
		request.Header.Set("User-Agent", "dynlb-health")
		response, err := client.Do(request)
		if err != nil {
			return err // says method, URL and cause
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: status %d, not 200", path, response.StatusCode)
		}
		if _, err := io.CopyN(io.Discard, response.Body, maxHealthBody); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("GET %s: read body: %w", path, err)
		}
		return nil
	}
}

// refused reports whether err says that nothing listens there.
func refused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// starved reports whether err says that dynlb has no descriptor left, and so says
// nothing about an instance.
func starved(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

func address(host string, port int) string {
	return net.JoinHostPort(host, strconv.Itoa(port))
}
