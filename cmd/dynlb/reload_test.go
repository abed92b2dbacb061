package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestReloadListeners: a new listener is open before the previous one is closed, and
// the requests in flight on that finish.
func TestReloadListeners(t *testing.T) {
	t.Parallel()
	listeners := func(basePort int, public, admin, adminHTTP string) string {
		return fmt.Sprintf("listen: %s\nadmin: %s\nadminHTTP: %s\nbasePort: %d\n", public, admin, adminHTTP, basePort)
	}
	p := spawn(t, "")
	from, to := daemontest.FreeAddress(t), daemontest.FreeAddress(t)
	admin, adminHTTP := daemontest.FreeAddress(t), daemontest.FreeAddress(t)
	reach := func(url string) bool {
		response, err := http.Get(url)
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	}
	p.write(listeners(p.basePort, from, admin, adminHTTP))
	daemontest.Eventually(t, "the first addresses", func() bool {
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
	steady := daemontest.StartLoad(t, 2, "http://"+from, "/") // on persistent connections
	daemontest.Eventually(t, "load", func() bool { return steady.Done.Load() > 0 })
	token := filepath.Join(filepath.Dir(p.file), "token")
	if err := os.WriteFile(token, []byte(strings.Repeat("0123456789abcdef", 2)), 0o600); err != nil {
		t.Fatal(err)
	}
	// The public listener moves. The control listeners stay and require a token.
	p.write(listeners(p.basePort, to, admin, adminHTTP) + "auth: {tokenFile: token}\n")
	daemontest.Eventually(t, "the other public address", func() bool { return reach("http://" + to) })
	if _, err := net.Dial("tcp", from); err == nil {
		daemontest.Eventually(t, "the former address closed", func() bool {
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
	steady.Stop()
	for {
		if _, err := watch.Recv(); err != nil {
			if status.Code(err) != codes.Unavailable {
				t.Errorf("the watch ended with %v", err)
			}
			break
		}
	}
	daemontest.Eventually(t, "that the token is required", func() bool {
		_, err := client.GetStatus(context.Background(), &dynlbv1.GetStatusRequest{})
		return status.Code(err) == codes.Unauthenticated
	})
	if code, out, stderr := command(t, "status", "--config", p.file); code != 0 || !strings.Contains(out, "2 ready") {
		t.Errorf("dynlb status with the token: %d %s%s", code, out, stderr)
	}

	// If an address is in use, the whole reload changes nothing.
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for key, config := range map[string]string{
		"listen":    listeners(p.basePort, taken.Addr().String(), admin, adminHTTP),
		"admin":     listeners(p.basePort, to, taken.Addr().String(), adminHTTP),
		"adminHTTP": listeners(p.basePort, to, daemontest.FreeAddress(t), taken.Addr().String()),
	} {
		p.write(config + "minInstances: 1\n")
		daemontest.Eventually(t, "the error of "+key, func() bool {
			_, out, _ := command(t, "status", "--admin", admin, "--token-file", token)
			return strings.Contains(out, "config reload failed: listen tcp "+taken.Addr().String()+": bind: address already in use") &&
				strings.Contains(out, "set "+key+": ") && strings.Contains(out, "(2 to 8)")
		})
	}
	if !reach("http://" + to) {
		t.Error("the public address is gone")
	}
}

// TestReloadWays: the config is reloaded on SIGHUP, when the file is replaced, and
// when a link to it is replaced, as Kubernetes does with a ConfigMap.
func TestReloadWays(t *testing.T) {
	t.Parallel()
	p := spawn(t, "")
	said := func(what string) func() bool {
		return func() bool { return strings.Contains(p.log.String(), what) }
	}
	p.write("minInstances: 3\n")
	daemontest.Eventually(t, "three instances", func() bool { return len(daemontest.InstancesOn(p.basePort)) == 3 })
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "SIGHUP", said(`"reason":"SIGHUP"`))

	dir := filepath.Dir(p.file)
	publish := func(version, settings string) {
		t.Helper()
		folder := filepath.Join(dir, version)
		content := daemontest.Complete(fmt.Sprintf("location: %s\n%s", daemontest.BunApp(t), settings), p.basePort)
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
	daemontest.Eventually(t, "the config of the link", func() bool { return strings.Count(p.log.String(), `"msg":"config reloaded"`) >= 3 })
	publish("v2", "minInstances: 4\nmaxInstances: 4\n")
	daemontest.Eventually(t, "four instances", func() bool { return len(daemontest.InstancesOn(p.basePort)) == 4 })

	// A missing file changes nothing.
	if err := os.Remove(p.file); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "the missing file", said("cannot be read: no such file or directory"))
	if err := syscall.Mkfifo(p.file, 0o600); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "a pipe in its place", said("cannot be read: is not a regular file"))
	if got := len(daemontest.InstancesOn(p.basePort)); got != 4 {
		t.Errorf("%d instances", got)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
