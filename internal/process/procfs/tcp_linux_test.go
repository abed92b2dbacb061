package procfs

import (
	"net"
	"slices"
	"strings"
	"testing"
)

func TestReadListenSockets(t *testing.T) {
	t.Parallel()
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1389 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7001 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:138A 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 7002 1
   2: 0100007F:1389 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 7003 1
   3: after the first socket in another state`
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

func FuzzParseSocket(f *testing.F) {
	f.Add("   0: 0100007F:1389 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7001 1")
	f.Fuzz(func(t *testing.T, line string) {
		if s, listening, err := parseSocket(line); err == nil && listening && !s.addr.IsValid() {
			t.Errorf("parseSocket(%q) = %+v", line, s)
		}
	})
}

// The kernel lists listening sockets before connections in /proc/self/net/tcp.
func TestListenSocketsComeFirst(t *testing.T) {
	t.Parallel()
	l, _ := connection(t)
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

// connection returns a listener and an outgoing connection to it.
func connection(t *testing.T) (net.Listener, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return l, conn
}
