package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// TestReload: whatever changes in the config, no request fails, and what cannot
// be put in force changes nothing.
func TestReload(t *testing.T) {
	withBun(t)
	r := start(t, original(t))
	r.awaitReady(2)
	traffic := startLoad(t, 8, r.url, "/")

	more := strings.Replace(original(t), "minInstances: 2", "minInstances: 3", 1)
	r.reload(more)
	r.awaitReady(3)
	before := r.pids()

	r.reload(more + "env: {GREETING: hello}\n")
	eventually(t, "three new instances", func() bool {
		if r.ready() != 3 {
			return false
		}
		now := r.pids()
		return len(now) == 3 && !slices.ContainsFunc(now, func(pid int) bool { return slices.Contains(before, pid) })
	})
	for _, pid := range r.pids() {
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil || !strings.Contains(string(environ), "\x00GREETING=hello\x00") {
			t.Errorf("environment of %d lacks the variable (%v)", pid, err)
		}
	}

	r.reload(more + "env: {GREETING: hello}\nrequestTimeout: 2s\n")
	eventually(t, "the new requestTimeout", func() bool {
		code, _ := r.get(r.url + "/slow?ms=20000")
		return code == http.StatusGatewayTimeout
	})
	kept := r.pids()

	const wrong = "scaleUpThreshold: much\n"
	r.reload(wrong)
	const want = `config.yaml:1: scaleUpThreshold: must be a number, 0 or more; got "much"`
	eventually(t, "the error in the status", func() bool { return r.pool().GetConfigError() == want })
	if _, metrics := r.get(r.adminURL + "/metrics"); !strings.Contains(metrics, "\ndynlb_config_last_reload_successful 0\n") {
		t.Error("the metrics do not tell")
	}
	if !strings.Contains(r.log.String(), "must be a number, 0 or more") {
		t.Error("the log does not tell")
	}
	if code, out, _ := cli(t, "status", "--admin", r.admin); code != 0 || !strings.Contains(out, "config not in force: "+want) {
		t.Errorf("dynlb status does not tell: %s", out)
	}
	if got := r.pids(); !slices.Equal(got, kept) || r.pool().GetMinInstances() != 3 {
		t.Errorf("instances %v, want %v; at least %d", got, kept, r.pool().GetMinInstances())
	}

	r.reload(original(t))
	eventually(t, "the config in force", func() bool { p := r.pool(); return p.GetConfigError() == "" && p.GetMinInstances() == 2 })
	traffic.stop()
	r.awaitReady(2)
}

// TestReloadThatCannotStart: new instances that do not come up replace nothing,
// and the status says why.
func TestReloadThatCannotStart(t *testing.T) {
	withBun(t)
	r := start(t, original(t))
	r.awaitReady(2)
	before := r.pids()
	traffic := startLoad(t, 4, r.url, "/")
	r.reload(original(t) + "command: [sh, -c, 'echo broken >&2; exit 3']\n")
	eventually(t, "the error in the status", func() bool {
		return r.pool().GetConfigError() == "0 of 2 instances replaced, the others stay; the new one: exit status 3: broken"
	})
	traffic.stop()
	r.awaitReady(2)
	if got := r.pids(); !slices.Equal(got, before) {
		t.Errorf("instances %v, want %v", got, before)
	}
	if err := syscall.Kill(before[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "one like the old ones in place of one that died", func() bool {
		if r.ready() != 2 {
			return false
		}
		now := r.pids()
		return len(now) == 2 && !slices.Contains(now, before[0])
	})
}

// freeAddress returns one that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestReloadListeners: another listener is open before the one before it is
// closed, and requests in flight on that finish.
func TestReloadListeners(t *testing.T) {
	listeners := func(basePort int, public, admin, adminHTTP string) string {
		return fmt.Sprintf("listen: %s\nadmin: %s\nadminHTTP: %s\nbasePort: %d\n", public, admin, adminHTTP, basePort)
	}
	p := spawn(t, "")
	from, to := freeAddress(t), freeAddress(t)
	admin, adminHTTP := freeAddress(t), freeAddress(t)
	reach := func(url string) bool {
		response, err := http.Get(url)
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	}
	p.write(listeners(p.basePort, from, admin, adminHTTP))
	eventually(t, "the first addresses", func() bool {
		return reach("http://"+from) && reach("http://"+adminHTTP+"/healthz")
	})
	conn, err := grpc.NewClient("passthrough:///"+admin, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	client := dynlbv1.NewControlClient(conn)
	watch, err := client.WatchInstances(t.Context(), &dynlbv1.WatchInstancesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}

	slow := make(chan bool, 1)
	go func() { slow <- reach("http://" + from + "/slow?ms=1500") }()
	steady := startLoad(t, 2, "http://"+from, "/") // on connections that stay
	eventually(t, "load", func() bool { return steady.done.Load() > 0 })
	token := filepath.Join(filepath.Dir(p.file), "token")
	if err := os.WriteFile(token, []byte(strings.Repeat("0123456789abcdef", 2)), 0o600); err != nil {
		t.Fatal(err)
	}
	// The public listener moves, and the control listeners ask for a token where
	// they are.
	p.write(listeners(p.basePort, to, admin, adminHTTP) + "auth: {tokenFile: token}\n")
	eventually(t, "the other public address", func() bool { return reach("http://" + to) })
	if _, err := net.Dial("tcp", from); err == nil {
		eventually(t, "the former address closed", func() bool {
			conn, err := net.Dial("tcp", from)
			if err == nil {
				_ = conn.Close()
			}
			return err != nil
		})
	}
	if !<-slow {
		t.Error("a request in flight on the former listener failed")
	}
	steady.stop()
	for {
		if _, err := watch.Recv(); err != nil {
			if status.Code(err) != codes.Unavailable {
				t.Errorf("the watch ended with %v", err)
			}
			break
		}
	}
	eventually(t, "the token asked for", func() bool {
		_, err := client.GetStatus(context.Background(), &dynlbv1.GetStatusRequest{})
		return status.Code(err) == codes.Unauthenticated
	})
	if code, out, stderr := cli(t, "status", "--config", p.file); code != 0 || !strings.Contains(out, "2 ready") {
		t.Errorf("dynlb status with the token: %d %s%s", code, out, stderr)
	}

	// An address that is taken changes nothing, not even what else is new.
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for key, config := range map[string]string{
		"listen":    listeners(p.basePort, taken.Addr().String(), admin, adminHTTP),
		"admin":     listeners(p.basePort, to, taken.Addr().String(), adminHTTP),
		"adminHTTP": listeners(p.basePort, to, freeAddress(t), taken.Addr().String()),
	} {
		p.write(config + "minInstances: 1\n")
		eventually(t, "the error of "+key, func() bool {
			_, out, _ := cli(t, "status", "--admin", admin, "--token-file", token)
			return strings.Contains(out, "config not in force: listen tcp "+taken.Addr().String()+": bind: address already in use") &&
				strings.Contains(out, "set "+key+": ") && strings.Contains(out, "(2 to 8)")
		})
	}
	if !reach("http://" + to) {
		t.Error("the public address is gone")
	}
}

// TestReloadWays: the file is read again on SIGHUP, when it is replaced, and when
// a link to it is, as Kubernetes does with a ConfigMap.
func TestReloadWays(t *testing.T) {
	p := spawn(t, "")
	said := func(what string) func() bool {
		return func() bool { return strings.Contains(p.log.String(), what) }
	}
	p.write("minInstances: 3\n")
	eventually(t, "three instances", func() bool { return len(instancesOn(p.basePort)) == 3 })
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "SIGHUP", said(`"reason":"SIGHUP"`))

	dir := filepath.Dir(p.file)
	publish := func(version, settings string) {
		t.Helper()
		folder := filepath.Join(dir, version)
		content := fmt.Sprintf("location: %s\n%s", bunApp(t), settings) + listenAnywhere(p.basePort)
		link := filepath.Join(dir, "..data")
		for _, err := range []error{
			os.Mkdir(folder, 0o700),
			os.WriteFile(filepath.Join(folder, "config.yaml"), []byte(content), 0o600),
			os.Symlink(version, link+"_tmp"),
			os.Rename(link+"_tmp", link),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	publish("v1", "minInstances: 2\nmaxInstances: 4\n")
	if err := os.Symlink("..data/config.yaml", p.file+"_"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(p.file+"_", p.file); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the config of the link", func() bool { return strings.Count(p.log.String(), `"msg":"config in force"`) >= 3 })
	publish("v2", "minInstances: 4\nmaxInstances: 4\n")
	eventually(t, "four instances", func() bool { return len(instancesOn(p.basePort)) == 4 })

	// What is not there any more changes nothing.
	if err := os.Remove(p.file); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the missing file", said("cannot be read: no such file or directory"))
	if err := syscall.Mkfifo(p.file, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a pipe in its place", said("cannot be read: is not a regular file"))
	if got := len(instancesOn(p.basePort)); got != 4 {
		t.Errorf("%d instances", got)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
