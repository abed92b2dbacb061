package procfs

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"testing"
)

// TestListenSockets: the kernel and the tables name the same sockets, of both families.
func TestListenSockets(t *testing.T) {
	t.Parallel()
	var mine []netip.AddrPort
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("%s: %v", address, err) // a machine without IPv6
			continue
		}
		t.Cleanup(func() { _ = l.Close() })
		mine = append(mine, l.Addr().(*net.TCPAddr).AddrPort())
	}
	asked, err := diagListenSockets()
	if err != nil {
		t.Skip("the kernel answers no questions: ", err)
	}
	read, err := tableListenSockets()
	if err != nil {
		t.Fatal(err)
	}
	of := func(all []listenSocket) []listenSocket { // other processes open and close sockets meanwhile
		own := slices.DeleteFunc(slices.Clone(all), func(s listenSocket) bool {
			return !slices.ContainsFunc(mine, func(at netip.AddrPort) bool { return at.Port() == s.addr.Port() })
		})
		slices.SortFunc(own, func(a, b listenSocket) int { return cmp.Compare(a.inode, b.inode) })
		return own
	}
	if got, want := of(asked), of(read); len(got) < len(mine) || !slices.Equal(got, want) {
		t.Errorf("asked for %v, the kernel says %v, the tables %v", mine, got, want)
	}
}

func BenchmarkListenSockets(b *testing.B) {
	for name, list := range map[string]func() ([]listenSocket, error){"asked": diagListenSockets, "read": tableListenSockets} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := list(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
