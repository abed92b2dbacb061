package daemon

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
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
