package cli

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestClientTakesBrokenConfig: what serve would refuse does not keep a command from
// the dynlb that runs.
func TestClientTakesBrokenConfig(t *testing.T) {
	k := daemontest.NewKeys(t)
	auth := k.YAML("tokenFile", "cert", "key")
	r := daemontest.Start(t, auth)
	r.AwaitReady(2)
	t.Chdir(t.TempDir())
	t.Setenv("PORT", "abc")
	const broken = "location: gone.ts\nqueue: lots\nwhat: ever\nmaxInstances: 1\n"
	for yaml, want := range map[string]string{
		broken + "admin: " + r.Admin + auth:                                                      "2 ready of 2 wanted",
		broken + "admin: " + r.Admin + strings.Replace(auth, "server.key", "gone.key", 1):        "2 ready of 2 wanted",
		broken + "admin: " + r.Admin + strings.Replace(auth, k.Path("token"), k.Path("gone"), 1): "dynlb: auth.tokenFile: " + k.Path("gone") + " cannot be read: no such file or directory\n(or give --token-file, or name the control listener with --admin)\n",
		broken + "admin: " + r.Admin + strings.Replace(auth, "server.pem", "gone.pem", 1):        "dynlb: auth.tls.cert: " + k.Path("gone.pem") + " cannot be read: no such file or directory\n(or give --tls-ca, or name the control listener with --admin)\n",
		"admin: here": "config.yaml:1: admin: must be host:port, such as \":4000\" or \"127.0.0.1:4000\"; got \"here\"\n(or name the control listener with --admin)\n",
		"a: b: c":     "config.yaml:1: is not YAML: mapping values are not allowed in this context\n(or name the control listener with --admin)\n",
	} {
		if err := os.WriteFile("config.yaml", []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, stdout, stderr := cli(t, "status"); !strings.HasPrefix(stdout+stderr, want) {
			t.Errorf("with\n%s\n%s%swant\n%s", yaml, stdout, stderr, want)
		}
	}
	// The last good one, and an authority that a flag names.
	yaml := "admin: " + r.Admin + strings.Replace(auth, "server.pem", "gone.pem", 1)
	if err := os.WriteFile("config.yaml", []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := cli(t, "scale", "2", "--tls-ca", k.Path("ca.pem"), "--tls-server-name", "lb.example"); code != exitDone {
		t.Errorf("scale: %d %s%s", code, stdout, stderr)
	}
}

// TestOtherListener: the ports that are not for commands are told apart.
func TestOtherListener(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "")
	r.AwaitReady(2)
	for _, url := range []string{r.URL, r.AdminURL} {
		address := strings.TrimPrefix(url, "http://")
		want := "dynlb: " + address + " speaks HTTP: that is adminHTTP or listen; --admin takes the gRPC listener (admin: in the config, 127.0.0.1:4001 by default)\n"
		if code, _, stderr := cli(t, "status", "--admin", address); code != exitFail || stderr != want {
			t.Errorf("exit code %d, %swant %s", code, stderr, want)
		}
	}
	// One that says something else, and one that says nothing and hangs up.
	for _, greeting := range []string{"SSH-2.0-OpenSSH_9.2\r\n", ""} {
		address := greet(t, greeting)
		code, _, stderr := cli(t, "status", "--admin", address)
		if want := "\nthat is not the gRPC listener of a dynlb; another address: --admin host:port\n"; code != exitFail || !strings.HasSuffix(stderr, want) {
			t.Errorf("greeted with %q: exit code %d, %s", greeting, code, stderr)
		}
	}
}

// greet listens, and greets who comes, waits for what they say and hangs up.
func greet(t *testing.T, greeting string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(greeting))
			_, _ = conn.Read(make([]byte, 1<<10))
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// TestNoAnswer: a dynlb that is stopped has connections taken by the kernel.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	address := l.Addr().String()
	begin := time.Now()
	code, _, stderr := cli(t, "status", "--admin", address)
	if want := "dynlb: connected to " + address + ", but got no answer within 5s: is dynlb stopped or overloaded?\n"; code != exitFail || stderr != want {
		t.Errorf("exit code %d, %swant %s", code, stderr, want)
	}
	if took := time.Since(begin); took > 2*connectTimeout {
		t.Errorf("took %v", took)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	r := &remote{address: "127.0.0.1:1", noConfig: true}
	err := r.explain(t.Context(), status.Error(codes.Unavailable, "refused"))
	if want := "no dynlb answers on 127.0.0.1:1: refused\nthere is no config.yaml here; --config or --admin tell where dynlb is, if it is running"; err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	err = r.explain(t.Context(), status.Error(codes.DeadlineExceeded, "late"))
	if want := "connected to 127.0.0.1:1, but got no answer within 10s: is dynlb stopped or overloaded?"; err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// endless is a dynlb whose restarts take their time.
type endless struct {
	dynlbv1.UnimplementedControlServer
	begun chan struct{}
}

func (e *endless) RestartInstances(_ *dynlbv1.RestartInstancesRequest, stream grpc.ServerStreamingServer[dynlbv1.RestartInstancesResponse]) error {
	e.begun <- struct{}{}
	<-stream.Context().Done()
	return stream.Context().Err()
}

// TestRestartInterrupted: who does not want to wait is told that it goes on.
func TestRestartInterrupted(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &endless{begun: make(chan struct{}, 1)}
	server := grpc.NewServer()
	dynlbv1.RegisterControlServer(server, e)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	defer func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "restart", "--admin", l.Addr().String())
	var output daemontest.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-e.begun:
	case <-time.After(daemontest.Within):
		t.Error("the restart has not begun")
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	exit, ok := errors.AsType[*exec.ExitError](cmd.Wait())
	if want := "dynlb: the restart goes on; 'dynlb watch' shows it\n"; !ok || exit.ExitCode() != 130 || output.String() != want {
		t.Errorf("restart: %v, %s", exit, output.String())
	}
}
