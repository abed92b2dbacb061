package daemon_test

import (
	"net"
	"strconv"
	"strings"
	"testing"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestReloadChangesHost: a reload that changes only the hosts of the addresses is in
// force, no request fails, and connections stay open.
func TestReloadChangesHost(t *testing.T) {
	t.Parallel()
	at := newAddresses(t)
	r := startAt(t, at)
	load := daemontest.StartLoad(t, 4, "http://"+at.public, "/")
	kept, err := net.Dial("tcp", at.public)
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	auth := daemontest.NewKeys(t).YAML("tokenFile", "cert", "key")
	wide := func(address string, host string) string {
		_, port, _ := net.SplitHostPort(address)
		return net.JoinHostPort(host, port)
	}
	for i, next := range []string{
		addresses{wide(at.public, "0.0.0.0"), at.admin, at.adminHTTP}.yaml(t),
		addresses{wide(at.public, ""), at.admin, at.adminHTTP}.yaml(t),
		addresses{wide(at.public, ""), wide(at.admin, ""), wide(at.adminHTTP, "")}.yaml(t) + auth,
		addresses{at.public, at.admin, at.adminHTTP}.yaml(t),
		addresses{wide(at.public, "localhost"), at.adminHTTP, at.admin}.yaml(t),
		at.yaml(t),
	} {
		r.Reload(next)
		daemontest.Eventually(t, "reload "+strconv.Itoa(i), func() bool {
			return strings.Count(r.Log.String(), `msg="config reloaded"`) == i+2 // startAt has reloaded once
		})
		if !reach("http://" + at.public) {
			t.Errorf("%s is not reached after reload %d", at.public, i)
		}
	}
	if _, err := kept.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Error(err)
	}
	answer := make([]byte, 15)
	if _, err := kept.Read(answer); err != nil || string(answer) != "HTTP/1.1 200 OK" {
		t.Errorf("a connection of before is answered %q, %v", answer, err)
	}
	load.Stop()
}

// pool returns the state that the daemon reports at its addresses.
func pool(t *testing.T, at addresses) *dynlbv1.Pool {
	t.Helper()
	response, err := at.control(t).GetStatus(t.Context(), &dynlbv1.GetStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return response.GetPool()
}

// TestReloadHostInUse: if another socket has the port on the new host, the message
// names its process, nothing changes, and the listener of before stays.
func TestReloadHostInUse(t *testing.T) {
	t.Parallel()
	at := newAddresses(t)
	r := startAt(t, at)
	_, port, _ := net.SplitHostPort(at.public)
	listens := "(" + daemontest.ProcessName(t) + ") listens there; to use another port, set listen:"
	other, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Skipf("no second loopback address: %v", err)
	}
	defer other.Close()
	wide := at
	wide.public = ":" + port
	r.Reload(wide.yaml(t) + "minInstances: 1\n")
	daemontest.Eventually(t, "the error", func() bool {
		problem := pool(t, at).GetConfigError()
		return strings.Contains(problem, "address already in use") && strings.Contains(problem, listens)
	})
	if p := pool(t, at); p.GetMinInstances() != 2 {
		t.Errorf("at least %d instances, want the previous bound", p.GetMinInstances())
	}
	if !reach("http://" + at.public) {
		t.Error("the listener of before is gone")
	}
}

// TestPortOfConnection: when an outgoing connection has the port, the message says so.
func TestPortOfConnection(t *testing.T) {
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
	defer conn.Close()
	r := daemontest.Start(t, "location: "+daemontest.BunApp(t))
	r.Reload("location: " + daemontest.BunApp(t) + "\nlisten: " + conn.LocalAddr().String() + "\n")
	daemontest.Eventually(t, "the error", func() bool {
		return strings.Contains(r.Pool().GetConfigError(), "has an outgoing connection from there: the kernel takes ports from ")
	})
}
