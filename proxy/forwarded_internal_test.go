package proxy

import "testing"

func TestPeerIP(t *testing.T) {
	for addr, want := range map[string]string{
		"1.2.3.4:56": "1.2.3.4", "[::1]:56": "::1", "[fe80::1%eth0]:56": "fe80::1", "@": "", "": "", "1.2.3.4": "",
	} {
		if got := peerIP(addr); got != want {
			t.Errorf("%q: %q, want %q", addr, got, want)
		}
	}
}
