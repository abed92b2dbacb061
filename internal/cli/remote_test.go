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

// TestClientAcceptsBrokenConfig: a config that serve would refuse still leads a
// command to the running dynlb.
func TestClientAcceptsBrokenConfig(t *testing.T) {
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
	// A flag names the authority in place of the missing certificate.
	yaml := "admin: " + r.Admin + strings.Replace(auth, "server.pem", "gone.pem", 1)
	if err := os.WriteFile("config.yaml", []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := cli(t, "scale", "2", "--tls-ca", k.Path("ca.pem"), "--tls-server-name", "lb.example"); code != exitDone {
		t.Errorf("scale: %d %s%s", code, stdout, stderr)
	}
}

// TestOtherListener: the error names the kind of a listener that is not gRPC.
func TestOtherListener(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "")
	r.AwaitReady(2)
	for _, url := range []string{r.URL, r.AdminURL} {
		address := strings.TrimPrefix(url, "http://")
		want := "dynlb: " + address + " speaks HTTP: it is adminHTTP or listen; --admin takes the gRPC listener (admin: in the config, 127.0.0.1:4001 by default)\n"
		if code, _, stderr := cli(t, "status", "--admin", address); code != exitFail || stderr != want {
			t.Errorf("exit code %d, %swant %s", code, stderr, want)
		}
	}
	// A listener with another protocol, and one that closes without a byte.
	for _, greeting := range []string{"SSH-2.0-OpenSSH_9.2\r\n", ""} {
		address := greet(t, greeting)
		code, _, stderr := cli(t, "status", "--admin", address)
		if want := "\nthis is not the gRPC listener of a dynlb; give another address: --admin host:port\n"; code != exitFail || !strings.HasSuffix(stderr, want) {
			t.Errorf("greeted with %q: exit code %d, %s", greeting, code, stderr)
		}
	}
}

// greet listens: it sends a greeting to each client, waits for a byte and closes.
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

// TestNoAnswer: the kernel accepts connections for a stopped dynlb.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
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
	if want := "no dynlb answers at 127.0.0.1:1: refused\nno config.yaml found; if dynlb is running, give --config or --admin"; err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	err = r.explain(t.Context(), status.Error(codes.DeadlineExceeded, "late"))
	if want := "connected to 127.0.0.1:1, but got no answer within 10s: is dynlb stopped or overloaded?"; err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// endless is a control service whose restarts, deploys and upgrades do not end.
type endless struct {
	dynlbv1.UnimplementedControlServer
	begun chan struct{}
}

func (e *endless) run(stream grpc.ServerStream) error {
	e.begun <- struct{}{}
	<-stream.Context().Done()
	return stream.Context().Err()
}

func (e *endless) RestartInstances(_ *dynlbv1.RestartInstancesRequest, stream grpc.ServerStreamingServer[dynlbv1.RestartInstancesResponse]) error {
	return e.run(stream)
}

func (e *endless) Deploy(_ *dynlbv1.DeployRequest, stream grpc.ServerStreamingServer[dynlbv1.DeployResponse]) error {
	return e.run(stream)
}

func (e *endless) Upgrade(_ *dynlbv1.UpgradeRequest, stream grpc.ServerStreamingServer[dynlbv1.UpgradeResponse]) error {
	return e.run(stream)
}

// serveControl serves a control service until the end of the test, and returns its address.
func serveControl(t *testing.T, service dynlbv1.ControlServer) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	dynlbv1.RegisterControlServer(server, service)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }() // ends with the test
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// TestInterrupted: an interrupted command says that what it has begun goes on.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	e := &endless{begun: make(chan struct{}, 1)}
	address := serveControl(t, e)
	for _, c := range []struct{ command, want string }{
		{"restart", "the restart goes on; 'dynlb watch' shows it"},
		{"deploy ./v2", "the deploy goes on; 'dynlb watch' shows it, 'dynlb rollback' ends it"},
		{"upgrade", "the upgrade goes on; 'dynlb status' shows the version that serves"},
	} {
		interrupt(t, append(strings.Fields(c.command), "--admin", address), e.begun, "dynlb: "+c.want+"\n")
	}
}

// interrupt interrupts a command line when it has begun, and checks what it prints.
func interrupt(t *testing.T, args []string, begun <-chan struct{}, want string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	var output daemontest.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-begun:
	case <-time.After(daemontest.Within):
		t.Error("it has not begun")
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	exit, ok := errors.AsType[*exec.ExitError](cmd.Wait())
	if !ok || exit.ExitCode() != 130 || output.String() != want {
		t.Errorf("%s: %v, %s", args[0], exit, output.String())
	}
}

func TestNotRunning(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"status", "watch", "scale 3"} {
		code, _, stderr := cli(t, append(strings.Fields(command), "--admin", "127.0.0.1:1")...)
		if code != exitFail || !strings.HasPrefix(stderr, "dynlb: no dynlb answers at 127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused\n") {
			t.Errorf("%s: exit code %d, %s", command, code, stderr)
		}
	}
}

// TestClientCommands: the commands find a running dynlb by the config file.
func TestClientCommands(t *testing.T) {
	r := daemontest.Start(t, "")
	r.AwaitReady(2)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("config.yaml", []byte("admin: "+r.Admin+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := cli(t, "scale", "3", "--hold", "1m")
	if code != exitDone || stdout != "target 2 -> 3\n" {
		t.Fatalf("scale 3: %d, %s%s", code, stdout, stderr)
	}
	code, _, stderr = cli(t, "scale", "9")
	if code != exitUsage || stderr != "dynlb: target 9 is outside [2, 8] (minInstances, maxInstances)\n" {
		t.Errorf("scale 9: %d, %s", code, stderr)
	}
	r.AwaitReady(3)

	code, stdout, _ = cli(t, "status", "-o", "json")
	_, body := r.Get(r.URL + "/lb-status")
	if code != exitDone || stdout != body+"\n" {
		t.Errorf("status -o json\n%s/lb-status\n%s", stdout, body)
	}
	code, stdout, _ = cli(t, "status")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != exitDone || len(lines) != 6 ||
		!strings.HasPrefix(lines[0], "3 ready of 3 wanted (2 to 8), 0 in flight, 0 waiting, 0 restarts, held for ") ||
		!strings.HasPrefix(lines[1], "why: ") || !strings.Contains(lines[1], " ago, by order: order from ") ||
		!strings.HasPrefix(lines[2], "INSTANCE  ADDRESS") || strings.Contains(stdout, "\x1b") {
		t.Errorf("status: %d\n%s", code, stdout)
	}
}
