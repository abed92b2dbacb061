package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"time"
)

// probeTimeout is how long what listens somewhere may take to give itself away.
const probeTimeout = time.Second

// listener is what an address turned out to be.
type listener int

const (
	nobody     listener = iota // no connection
	silent                     // nothing came back
	speaksHTTP                 // HTTP/1 in the clear
	speaksTLS
	speaksElse
)

// probe finds out what listens on an address that has failed as a gRPC listener.
// It sends nothing that could be taken for a request.
func probe(ctx context.Context, address string) listener {
	// No request line: HTTP answers 400, TLS hangs up.
	first, err := provoke(ctx, address, func(_ context.Context, conn net.Conn) error {
		if _, err := conn.Write([]byte("dynlb\r\n\r\n")); err != nil {
			return err
		}
		_, err := conn.Read(make([]byte, 1<<10))
		return err
	})
	switch {
	case errors.Is(err, errNobody):
		return nobody
	case errors.Is(err, os.ErrDeadlineExceeded):
		return silent
	case bytes.HasPrefix(first, []byte("HTTP/")):
		return speaksHTTP
	case len(first) > 0:
		return speaksElse
	}
	first, _ = provoke(ctx, address, func(ctx context.Context, conn net.Conn) error {
		client := tls.Client(conn, &tls.Config{ServerName: "dynlb", MinVersion: tls.VersionTLS12})
		return client.HandshakeContext(ctx) // whether they agree does not matter
	})
	if len(first) > 0 && (first[0] == recordAlert || first[0] == recordHandshake) {
		return speaksTLS
	}
	return speaksElse
}

// The types of the records that a TLS server may begin with (RFC 8446, 5.1).
const (
	recordAlert     = 21
	recordHandshake = 22
)

// errNobody says that there was no connection.
var errNobody = errors.New("no connection")

// provoke connects to an address and returns the first bytes that come in answer
// to what do writes, and the error of that.
func provoke(ctx context.Context, address string, do func(context.Context, net.Conn) error) (first []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, errNobody
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	heard := &hearing{Conn: conn}
	err = do(ctx, heard)
	return heard.first, err
}

// hearing is a connection that keeps what it read first.
type hearing struct {
	net.Conn
	first []byte
}

// Read reads from the connection.
func (h *hearing) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	if len(h.first) == 0 {
		h.first = append(h.first, p[:n]...)
	}
	return n, err
}
