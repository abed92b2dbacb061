package process

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// startListening starts a child that prints the ports it listens on, and
// returns them once it does.
func startListening(t *testing.T, spec Spec, n int) (*Process, []int) {
	t.Helper()
	lines := make(chan string, 16)
	spec.Output = func(l Line) { lines <- l.Text }
	p := start(t, spec)
	var ports []int
	for range n {
		select {
		case line := <-lines:
			port, err := strconv.Atoi(line)
			if err != nil {
				t.Fatalf("child printed %q, want a port", line)
			}
			ports = append(ports, port)
		case <-p.Done():
			t.Fatalf("child ended: %+v", p.Exit())
		case <-time.After(patience):
			t.Fatal("child does not listen")
		}
	}
	slices.Sort(ports)
	return p, ports
}

// otherPort returns a port that a process of nobody's group listens on.
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
	taken := otherPort(t, "127.0.0.1:0")
	tests := []struct {
		name string
		spec Spec
	}{
		{"itself on IPv4", roleSpec("listen", "127.0.0.1:0")},
		{"itself on every address", roleSpec("listen", ":0")},
		{"itself on IPv6", roleSpec("listen", "[::1]:0")},
		{"a child in its group", roleSpec("parent", "wait", "listen", "127.0.0.1:0")},
		{"a child in another group", roleSpec("parent", "setpgid", "listen", "127.0.0.1:0")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, ports := startListening(t, test.spec, 1)
			got, err := p.ListensOn(ports[0])
			if err != nil || !got.Owned || got.Taken || got.Port != ports[0] {
				t.Errorf("ListensOn(%d) = %+v, %v, want it owned", ports[0], got, err)
			}
			got, err = p.ListensOn(taken)
			if err != nil || got.Owned || !got.Taken || !slices.Equal(got.Ports, ports) {
				t.Errorf("ListensOn(%d) = %+v, %v, want it taken, and the child on %d", taken, got, err, ports[0])
			}
			got, err = p.ListensOn(1)
			if want := "listens on " + strconv.Itoa(ports[0]) + ", not on 1"; err != nil || got.Owned || got.Taken || got.String() != want {
				t.Errorf("ListensOn(1) = %v, %v, want %q", got, err, want)
			}
		})
	}
}

// A stranger on the IPv4 loopback address gets the connections that are meant
// for a child on the IPv6 one.
func TestListensOnSharedPort(t *testing.T) {
	p, ports := startListening(t, roleSpec("listen", "[::1]:0"), 1)
	otherPort(t, "127.0.0.1:"+strconv.Itoa(ports[0]))
	got, err := p.ListensOn(ports[0])
	if err != nil || got.Owned || !got.Taken {
		t.Errorf("ListensOn(%d) = %+v, %v, want it taken", ports[0], got, err)
	}
}

func TestListensOnAfterTheEnd(t *testing.T) {
	p := start(t, roleSpec("exit", "0"))
	await(t, p)
	if _, err := p.ListensOn(5001); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("ListensOn after the end: %v, want %v", err, os.ErrProcessDone)
	}
}

func TestReadListenSockets(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1389 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7001 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:138A 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 7002 1
   2: 0100007F:1389 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 7003 1
   3: not read any more`
	got, err := readListenSockets(strings.NewReader(table))
	if err != nil || len(got) != 2 || got[0].inode != 7001 || got[1].inode != 7002 ||
		got[0].addr.String() != "127.0.0.1:5001" || got[1].addr.String() != "[::1]:5002" {
		t.Errorf("sockets = %v, %v, want 127.0.0.1:5001 and [::1]:5002", got, err)
	}
	for _, bad := range []string{"x", "0: 0100007F:1389 0:0 0A 0 0 0 0 0 inode", "0: 01:1389 0:0 0A 0 0 0 0 0 1", "0: 0100007F:10000 0:0 0A 0 0 0 0 0 1"} {
		if got, err := readListenSockets(strings.NewReader("heading\n" + bad)); err == nil {
			t.Errorf("%q = %v, want an error", bad, got)
		}
	}
}

func TestParseStat(t *testing.T) {
	got, err := parseStat("42 (a) Z 1 (b)) S 7 9 9 0 -1 4194560")
	if want := (proc{pid: 42, ppid: 7, pgrp: 9, state: 'S'}); err != nil || got != want {
		t.Errorf("parseStat = %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "42", "42 (a", "42 (a) ", "42 (a) S 1", "x (a) S 1 2", "42 (a) S x 2", ") (a"} {
		if got, err := parseStat(bad); err == nil {
			t.Errorf("parseStat(%q) = %+v, want an error", bad, got)
		}
	}
}

// Whatever a process calls itself, its numbers are read right.
func FuzzParseStat(f *testing.F) {
	f.Add("bun", 42, 7, 9)
	f.Add("a) Z 1 (b", 1, 0, 0)
	f.Fuzz(func(t *testing.T, name string, pid, ppid, pgrp int) {
		line := fmt.Sprintf("%d (%s) S %d %d 9 0 -1", pid, name, ppid, pgrp)
		got, err := parseStat(line)
		if want := (proc{pid: pid, ppid: ppid, pgrp: pgrp, state: 'S'}); err != nil || got != want {
			t.Errorf("parseStat(%q) = %+v, %v, want %+v", line, got, err, want)
		}
	})
}

func FuzzParseSocket(f *testing.F) {
	f.Add("   0: 0100007F:1389 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7001 1")
	f.Fuzz(func(t *testing.T, line string) {
		if s, listening, err := parseSocket(line); err == nil && listening && !s.addr.IsValid() {
			t.Errorf("parseSocket(%q) = %+v", line, s)
		}
	})
}

// /proc/self/net/tcp lists listening sockets first, also with connections about.
func TestListenSocketsComeFirst(t *testing.T) {
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
	last := otherPort(t, "127.0.0.1:0")
	sockets, err := listenSockets()
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range []int{l.Addr().(*net.TCPAddr).Port, last} {
		if !slices.ContainsFunc(sockets, func(s listenSocket) bool { return int(s.addr.Port()) == port }) {
			t.Errorf("port %d is missing from %v", port, sockets)
		}
	}
}
