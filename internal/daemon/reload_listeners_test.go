package daemon_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// addresses are where a daemon listens.
type addresses struct{ public, admin, adminHTTP string }

func newAddresses(t *testing.T) addresses {
	t.Helper()
	return addresses{daemontest.FreeAddress(t), daemontest.FreeAddress(t), daemontest.FreeAddress(t)}
}

// yaml returns a config of the example app at these addresses.
func (a addresses) yaml(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("location: %s\nlisten: %s\nadmin: %s\nadminHTTP: %s\n", daemontest.BunApp(t), a.public, a.admin, a.adminHTTP)
}

// control returns a client of the gRPC listener.
func (a addresses) control(t *testing.T) dynlbv1.ControlClient {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+a.admin, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return dynlbv1.NewControlClient(conn)
}

// reach reports whether a GET succeeds.
func reach(url string) bool {
	response, err := http.Get(url)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// startAt runs a daemon that has moved to addresses by a reload.
func startAt(t *testing.T, a addresses) *daemontest.Running {
	t.Helper()
	r := daemontest.Start(t, "location: "+daemontest.BunApp(t))
	r.AwaitReady(2)
	r.Reload(a.yaml(t))
	daemontest.Eventually(t, "the new addresses", func() bool {
		return reach("http://"+a.public) && reach("http://"+a.adminHTTP+"/healthz")
	})
	return r
}

// TestReloadPublicListener: a new listener is open before the previous one is closed,
// and the requests in flight on that finish.
func TestReloadPublicListener(t *testing.T) {
	t.Parallel()
	from := newAddresses(t)
	r := startAt(t, from)
	slow := make(chan bool, 1)
	go func() { slow <- reach("http://" + from.public + "/slow?ms=1500") }()
	steady := daemontest.StartLoad(t, 2, "http://"+from.public, "/") // on persistent connections
	daemontest.Eventually(t, "load", func() bool { return steady.Done.Load() > 0 })
	to := from
	to.public = daemontest.FreeAddress(t)
	r.Reload(to.yaml(t))
	daemontest.Eventually(t, "the other public address", func() bool { return reach("http://" + to.public) })
	daemontest.Eventually(t, "the previous address closed", func() bool {
		conn, err := net.Dial("tcp", from.public)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	if !<-slow {
		t.Error("a request in flight on the previous listener failed")
	}
	steady.Stop()
}

// TestReloadControlListeners: the control listeners require a token from the reload
// on, at the same addresses. It ends the watches of before.
func TestReloadControlListeners(t *testing.T) {
	t.Parallel()
	at := newAddresses(t)
	r := startAt(t, at)
	client := at.control(t)
	watch, err := client.WatchInstances(t.Context(), &dynlbv1.WatchInstancesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte(strings.Repeat("0123456789abcdef", 2)), 0o600); err != nil {
		t.Fatal(err)
	}
	yaml := at.yaml(t) + "auth: {tokenFile: " + token + "}\n"
	r.Reload(yaml)
	for err == nil {
		_, err = watch.Recv()
	}
	if status.Code(err) != codes.Unavailable {
		t.Errorf("the watch ended with %v", err)
	}
	daemontest.Eventually(t, "that the token is required", func() bool {
		_, err := client.GetStatus(context.Background(), &dynlbv1.GetStatusRequest{})
		return status.Code(err) == codes.Unauthenticated
	})
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := run(t, "status", "--config", file); code != 0 || !strings.Contains(out, "2 ready") {
		t.Errorf("dynlb status with the token: %d %s%s", code, out, stderr)
	}
}

// TestReloadAddressInUse: if an address is in use, the whole reload changes nothing.
func TestReloadAddressInUse(t *testing.T) {
	t.Parallel()
	at := newAddresses(t)
	r := startAt(t, at)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	used := taken.Addr().String()
	for key, next := range map[string]addresses{
		"listen":    {used, at.admin, at.adminHTTP},
		"admin":     {at.public, used, at.adminHTTP},
		"adminHTTP": {at.public, daemontest.FreeAddress(t), used},
	} {
		r.Reload(next.yaml(t) + "minInstances: 1\n")
		daemontest.Eventually(t, "the error of "+key, func() bool {
			_, out, _ := run(t, "status", "--admin", at.admin)
			return strings.Contains(out, "config reload failed: listen tcp "+used+": bind: address already in use") &&
				strings.Contains(out, "set "+key+": ") && strings.Contains(out, "(2 to 8)")
		})
	}
	if !reach("http://" + at.public) {
		t.Error("the public address is gone")
	}
}
