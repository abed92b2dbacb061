package extended_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	_ "github.com/dynlb/dynlb/proxy/std"
	_ "github.com/dynlb/dynlb/proxy/std/extended"
)

// TestMain has the test binary print its variable, when it is told to.
func TestMain(m *testing.M) {
	if os.Getenv("DYNLB_TEST_PRINT") != "" {
		_, _ = os.Stdout.WriteString(os.Getenv("GODEBUG"))
		return
	}
	os.Exit(m.Run())
}

// TestOffered checks that the server of net/http takes extended CONNECT. It fails with a Go
// whose net/http is initialized before this package, or does not read the variable.
func TestOffered(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Protocols: protocols, Handler: http.NotFoundHandler()}
	go func() { _ = server.Serve(&once{conn: there}) }()
	t.Cleanup(func() { _ = server.Close() })
	go func() { // ends with the connection
		_, _ = io.WriteString(here, http2.ClientPreface)
		_ = http2.NewFramer(here, nil).WriteSettings()
	}()
	frame, err := http2.NewFramer(nil, here).ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	settings, ok := frame.(*http2.SettingsFrame)
	if !ok {
		t.Fatalf("got %v", frame)
	}
	if value, _ := settings.Value(http2.SettingEnableConnectProtocol); value != 1 {
		t.Error("it does not")
	}
	_ = here.Close()
}

// once is a listener with one connection.
type once struct{ conn net.Conn }

func (o *once) Accept() (net.Conn, error) {
	if o.conn == nil {
		return nil, net.ErrClosed
	}
	conn := o.conn
	o.conn = nil
	return conn, nil
}

func (o *once) Close() error { return nil }

func (o *once) Addr() net.Addr { return &net.UnixAddr{} }

// TestEnvironmentStays checks that children get the variable as it was.
func TestEnvironmentStays(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", "http2client=0"} {
		cmd := exec.CommandContext(context.Background(), os.Args[0])
		cmd.Env = []string{"DYNLB_TEST_PRINT=1"}
		if before != "" {
			cmd.Env = append(cmd.Env, "GODEBUG="+before)
		}
		if out, err := cmd.Output(); err != nil || string(out) != before {
			t.Errorf("GODEBUG is %q, want %q; %v", out, before, err)
		}
	}
	if strings.Contains(os.Getenv("GODEBUG"), "http2xconnect") {
		t.Error("this process has it")
	}
}
