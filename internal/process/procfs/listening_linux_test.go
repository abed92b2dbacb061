package procfs

import (
	"bufio"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

// startListening starts a child, in a group of its own, that prints the port it
// listens on. It returns the group and the port once the child listens.
func startListening(t *testing.T, cmd *exec.Cmd) (group, port int) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	processtest.Start(t, cmd)
	group = cmd.Process.Pid
	t.Cleanup(func() { _ = syscall.Kill(-group, syscall.SIGKILL) })
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("read the child's port: %v", err)
	}
	if port, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
		t.Fatalf("the child printed %q, want a port", line)
	}
	return group, port
}

// otherPort returns a port that this process listens on, which is in none of the
// groups of the tests.
func otherPort(t *testing.T, address string) int {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("cannot listen on %s: %v", address, err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func TestListensOn(t *testing.T) {
	t.Parallel()
	taken := otherPort(t, "127.0.0.1:0")
	tests := []struct {
		name string
		args []string
	}{
		{"itself on IPv4", []string{"listen", "127.0.0.1:0"}},
		{"itself on every address", []string{"listen", ":0"}},
		{"itself on IPv6", []string{"listen", "[::1]:0"}},
		{"a child in its group", []string{"parent", "wait", "listen", "127.0.0.1:0"}},
		{"a child in another group", []string{"parent", "setpgid", "listen", "127.0.0.1:0"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			group, port := startListening(t, processtest.Command(test.args[0], test.args[1:]...))
			got, err := ListensOn(group, port)
			if err != nil || !got.Owned || got.Taken || got.Port != port {
				t.Errorf("ListensOn(%d) = %+v, %v, want it owned", port, got, err)
			}
			got, err = ListensOn(group, taken)
			if err != nil || got.Owned || !got.Taken || !slices.Equal(got.Ports, []int{port}) {
				t.Errorf("ListensOn(%d) = %+v, %v, want it taken, and the child on %d", taken, got, err, port)
			}
			got, err = ListensOn(group, 1)
			if want := "listens on " + strconv.Itoa(port) + ", not on 1"; err != nil || got.Owned || got.Taken || got.String() != want {
				t.Errorf("ListensOn(1) = %v, %v, want %q", got, err, want)
			}
		})
	}
}

// Another process on the IPv4 loopback address gets the connections that are meant
// for a child on the IPv6 one.
func TestListensOnSharedPort(t *testing.T) {
	t.Parallel()
	group, port := startListening(t, processtest.Command("listen", "[::1]:0"))
	otherPort(t, "127.0.0.1:"+strconv.Itoa(port))
	got, err := ListensOn(group, port)
	if err != nil || got.Owned || !got.Taken {
		t.Errorf("ListensOn(%d) = %+v, %v, want it taken", port, got, err)
	}
}
