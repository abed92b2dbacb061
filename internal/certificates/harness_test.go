package certificates

import (
	"crypto/tls"
	"io"
	"log/slog"
	"testing"
)

// newManager returns a manager with the certificates of settings.
func newManager(t testing.TB, log io.Writer, settings Settings) *Manager {
	t.Helper()
	m := New(Options{Read: tls.LoadX509KeyPair, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	t.Cleanup(func() {
		if err := m.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Errorf("close: %v", err)
		}
	})
	use(t, m, settings)
	return m
}

// use puts settings in force.
func use(t testing.TB, m *Manager, settings Settings) {
	t.Helper()
	set, err := m.Prepare(settings)
	if err != nil {
		t.Fatal(err)
	}
	m.Use(set)
}

// ask returns the certificate that a client gets that asks for name.
func ask(t testing.TB, m *Manager, name string) *tls.Certificate {
	t.Helper()
	c, err := m.set.Load().certificate(&tls.ClientHelloInfo{ServerName: name, SupportedProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serve answers each client with one byte, by the config of m. It returns the address.
func serve(t testing.TB, m *Manager) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", m.TLS())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { // ends with the listener
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends when the client leaves
				defer conn.Close()
				_, _ = conn.Write([]byte("x"))
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	return l.Addr().String()
}

// dial connects to address, and reads the byte that serve sends: a ticket comes before it.
func dial(t testing.TB, address string, config *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		return tls.ConnectionState{}, err
	}
	return conn.ConnectionState(), nil
}
