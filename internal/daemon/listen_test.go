package daemon

import (
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/process/procfs"
)

// TestListenWithoutPrivilege says what a port below 1024 needs.
func TestListenWithoutPrivilege(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EACCES)}
	got := explainListen(refused, "tls.redirect", ":80").Error()
	for _, want := range []string{"permission denied", "setcap cap_net_bind_service=+ep", "set tls.redirect:"} {
		if !strings.Contains(got, want) {
			t.Errorf("error %q, want %q in it", got, want)
		}
	}
}

// TestPortOfEndedConnection: when an outgoing connection that has ended has the port, for
// TIME-WAIT, the message does not speak of another dynlb.
func TestPortOfEndedConnection(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn.Close() // the first end gets TIME-WAIT
	if _, err := io.Copy(io.Discard, accepted); err != nil {
		t.Fatal(err)
	}
	accepted.Close()
	first, last, err := procfs.EphemeralPorts()
	if port := portOf(conn.LocalAddr().String()); err != nil || port < first || port > last {
		t.Skipf("the range of outgoing ports is not known: %v", err)
	}
	_, err = listen("listen", conn.LocalAddr().String())
	const want = "perhaps a connection that has ended, for a minute: the kernel takes ports from "
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q in it", err, want)
	}
}
