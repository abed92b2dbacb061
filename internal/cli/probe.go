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

// probeTimeout bounds how long a listener may take to answer a probe.
const probeTimeout = time.Second

// listener is the kind of program that an address belongs to.
type listener int

const (
	noListener    listener = iota // no connection
	silent                        // it sends nothing
	speaksHTTP                    // HTTP/1 without TLS
	speaksTLS                     // TLS
	speaksUnknown                 // something else
)

// probe finds out what listens at an address that has failed as a gRPC listener. It
// sends nothing that could be taken for a request.
func probe(ctx context.Context, address string) listener {
	// This is no request line: HTTP answers 400, TLS closes the connection.
	first, err := firstBytes(ctx, address, func(_ context.Context, conn net.Conn) error {
		if _, err := conn.Write([]byte("dynlb\r\n\r\n")); err != nil {
			return err
		}
		_, err := conn.Read(make([]byte, 1<<10))
		return err
	})
	switch {
	case errors.Is(err, errNoConnection):
		return noListener
	case errors.Is(err, os.ErrDeadlineExceeded):
		return silent
	case bytes.HasPrefix(first, []byte("HTTP/")):
		return speaksHTTP
	case len(first) > 0:
		return speaksUnknown
	}
	first, _ = firstBytes(ctx, address, func(ctx context.Context, conn net.Conn) error {
		client := tls.Client(conn, &tls.Config{ServerName: "dynlb", MinVersion: tls.VersionTLS12})
		return client.HandshakeContext(ctx) // it may fail: the first record tells enough
	})
	if len(first) > 0 && (first[0] == recordAlert || first[0] == recordHandshake) {
		return speaksTLS
	}
	return speaksUnknown
}

// The types of the records that a TLS server may begin with (RFC 8446, 5.1).
const (
	recordAlert     = 21
	recordHandshake = 22
)

// errNoConnection says that the address accepts no connection.
var errNoConnection = errors.New("no connection")

// firstBytes connects to an address, has talk write to the connection, and returns
// the first bytes that were read, with the error of talk.
func firstBytes(ctx context.Context, address string, talk func(context.Context, net.Conn) error) (first []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, errNoConnection
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	recorder := &recordingConn{Conn: conn}
	err = talk(ctx, recorder)
	return recorder.first, err
}

// recordingConn is a connection that keeps the bytes of its first read.
type recordingConn struct {
	net.Conn
	first []byte
}

// Read reads from the connection.
func (c *recordingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if len(c.first) == 0 {
		c.first = append(c.first, p[:n]...)
	}
	return n, err
}
