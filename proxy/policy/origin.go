package policy

import (
	"hash/maphash"
	"math/bits"
	"net/netip"
	"strings"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/http1"
)

// seed makes the hashes of this process its own, so that a client cannot choose them.
var seed = maphash.MakeSeed()

// Network stands for the network of a client in an Origin. It is the same for all requests
// of a connection, so a lane determines it once.
type Network uint64

// NetworkOf returns the Network of an address, "" if there is none: of IPv6 that of its /64
// network, which is the smallest that one client has.
func NetworkOf(ip string) Network {
	if strings.IndexByte(ip, ':') < 0 {
		return Network(maphash.String(seed, ip))
	}
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return Network(maphash.String(seed, ip))
	}
	b := a.As16()
	return Network(maphash.Bytes(seed, b[:8]))
}

// Origin returns where a request comes from: r is its head, of size bytes, and client the
// Network of the peer that sent it. If the peer is trusted, the client is the one that it
// names last in X-Forwarded-For.
//
// Requests are of one kind if they have these in common: the method, the first segment of
// the path, whether they ask for another protocol, whether they have content, and roughly
// the sizes of head and content. Servers decline requests for such reasons.
func Origin(r *http1.Request, size int, client Network, trusted bool) registry.Origin {
	if trusted {
		if named := lastClient(r); len(named) > 0 {
			client = Network(maphash.Bytes(seed, named))
		}
	}
	class := uint64(bits.Len(uint(size)>>11))<<16 | uint64(bits.Len64(uint64(r.Length)>>16))<<8
	if r.Upgrade != nil {
		class |= 1
	}
	if r.HasContent() {
		class |= 2
	}
	if r.Continue {
		class |= 4
	}
	kind := maphash.Bytes(seed, r.Method)*31 + maphash.Bytes(seed, segment(r.Path)) + class*0x9e3779b97f4a7c15
	return registry.Origin{Client: uint32(client>>32) | 1, Kind: uint32(kind >> 32)}
}

// Client returns the address of the client that a request comes from: that of the peer,
// or the one that a trusted peer names last. Empty: there is none.
func Client(r *http1.Request, ip string, trusted bool) []byte {
	if trusted {
		if named := lastClient(r); len(named) > 0 {
			return named
		}
	}
	return []byte(ip)
}

// lastClient returns the last address in X-Forwarded-For or, without one, in Forwarded. A
// trusted proxy has added it; the client can write the ones before.
func lastClient(r *http1.Request) []byte {
	if address, ok := r.LastXForwardedFor(); ok {
		return address
	}
	node, _ := r.LastForwardedFor()
	return node
}

// segment returns the first segment of a path.
func segment(path []byte) []byte {
	for i, c := range path {
		if i > 0 && (c == '/' || c == '?') {
			return path[:i]
		}
	}
	return path
}
