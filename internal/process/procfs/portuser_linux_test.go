package procfs

import (
	"net"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestFindPortUsers: a listener differs from an outgoing connection, and both name
// their process.
func TestFindPortUsers(t *testing.T) {
	t.Parallel()
	l, conn := connection(t)
	got, err := FindPortUsers(l.Addr().(*net.TCPAddr).Port)
	if err != nil || len(got) == 0 || !got[0].Listens || got[0].PID != os.Getpid() || !strings.Contains(got[0].String(), "procfs.test)") {
		t.Errorf("users of the port of a listener: %v, %v", got, err)
	}
	got, err = FindPortUsers(conn.LocalAddr().(*net.TCPAddr).Port)
	if err != nil || len(got) != 1 || got[0].Listens || got[0].PID != os.Getpid() {
		t.Errorf("users of the port of a connection: %v, %v", got, err)
	}
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.Close() }()
	got, err = FindUDPPortUsers(socket.LocalAddr().(*net.UDPAddr).Port)
	if err != nil || len(got) == 0 || !got[0].Listens || got[0].PID != os.Getpid() {
		t.Errorf("users of the port of a socket of UDP: %v, %v", got, err)
	}
	first, last, err := EphemeralPorts()
	if port := conn.LocalAddr().(*net.TCPAddr).Port; err != nil || port < first || port > last {
		t.Errorf("ephemeral ports %d to %d (%v), want %d within", first, last, err, port)
	}
	if hidden := (PortUser{UID: 33}).String(); hidden != "a process of the user with id 33" {
		t.Errorf("a hidden process is %q", hidden)
	}
}

// TestReadPortUsers: sockets that no process has any more keep no port.
func TestReadPortUsers(t *testing.T) {
	t.Parallel()
	const table = `heading
   0: 0100007F:0FA0 00000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 7001 1
   1: 0100007F:0FA0 0100007F:C000 06 00000000:00000000 03:00000000 00000000     0        0 0 3
   2: 0100007F:0FA1 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 7003 1
`
	users := map[uint64]PortUser{}
	if err := readPortUsers(strings.NewReader(table), 4000, users); err != nil {
		t.Fatal(err)
	}
	if want := (PortUser{UID: 33, Listens: true}); len(users) != 1 || users[7001] != want {
		t.Errorf("users %v, want %v alone", users, want)
	}
	words := []string{commandOf(os.Getpid())}
	if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, "-test.") }) {
		t.Errorf("the command %q has options", words[0])
	}
}
