package edge

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
)

// The fields of W3C Trace Context.
var traceParent, traceState = newName("traceparent"), newName("tracestate")

// traceParentLen is the length of a traceparent of version 00: 00-TRACE-SPAN-FLAGS.
const traceParentLen = 2 + 1 + 32 + 1 + 16 + 1 + 2

// Sampler decides which requests are traced. It is safe for concurrent use.
type Sampler struct {
	below  uint64 // requests whose random number is below it are traced
	all    bool
	forced uint64        // how many requests a second clients may have traced
	spent  atomic.Uint64 // of forced: the second, and how many in it
	now    func() time.Time
}

// NewSampler returns a Sampler that has a fraction of the requests traced. Clients may
// have so many more of them traced each second.
func NewSampler(fraction float64, forcedPerSecond int) *Sampler {
	return &Sampler{
		below: uint64(fraction * math.MaxInt64), all: fraction >= 1, forced: uint64(max(0, forcedPerSecond)), now: time.Now,
	}
}

// sample decides on a request. asked tells that the client wants it traced.
func (s *Sampler) sample(asked bool) bool {
	return s.all || rand.Uint64()>>1 < s.below || asked && s.force()
}

// secondBits is the number of bits of Sampler.spent that count the requests.
const secondBits = 24

// force reports whether a client may have a request traced.
func (s *Sampler) force() bool {
	second := uint64(s.now().Unix()) << secondBits
	for {
		before := s.spent.Load()
		next := before + 1
		if before>>secondBits != second>>secondBits {
			next = second + 1
		}
		if next&(1<<secondBits-1) > s.forced {
			return false
		}
		if s.spent.CompareAndSwap(before, next) {
			return true
		}
	}
}

// trace continues the trace that the client names, or begins one, and has the instance
// continue it.
func (x *Exchange) trace(r *http1.Request, s *Sampler) {
	t := &x.tracing
	given, single := drop(&r.Head, &traceParent)
	asked, ok := false, false
	if single {
		asked, ok = readTraceParent(given, t)
	}
	if !ok {
		*t = outcome.Trace{}
		drop(&r.Head, &traceState)
		putRandom(t.ID[:8])
		putRandom(t.ID[8:])
	}
	// A client that has decided against it decides for the whole trace.
	t.Sampled = (asked || !ok) && s.sample(asked)
	putRandom(t.Server[:])
	putRandom(t.Attempt[:])
	start := len(x.text)
	x.text = append(x.text, "00-"...)
	b := append(hex.AppendEncode(x.text, t.ID[:]), '-')
	b = append(hex.AppendEncode(b, t.Attempt[:]), "-00"...)
	if t.Sampled {
		b[len(b)-1] = '1'
	}
	x.text = b
	add(&r.Head, &traceParent, b[start:len(b):len(b)])
	x.added += len("traceparent: \r\n") + traceParentLen
}

// readTraceParent reads the field of a client. asked tells that it wants the trace
// sampled, ok that the field is valid.
func readTraceParent(b []byte, t *outcome.Trace) (asked, ok bool) {
	if len(b) < traceParentLen || b[2] != '-' || b[35] != '-' || b[52] != '-' || len(b) > traceParentLen && (b[55] != '-' || string(b[:2]) == "00") {
		return false, false
	}
	var version, flags [1]byte
	for _, part := range []struct{ from, into []byte }{
		{b[:2], version[:]}, {b[3:35], t.ID[:]}, {b[36:52], t.Parent[:]}, {b[53:55], flags[:]},
	} {
		for _, c := range part.from {
			if 'A' <= c && c <= 'F' { // it is lower case
				return false, false
			}
		}
		if _, err := hex.Decode(part.into, part.from); err != nil {
			return false, false
		}
	}
	valid := version[0] != 0xff && t.ID != [16]byte{} && t.Parent != [8]byte{}
	return flags[0]&1 != 0, valid
}

// putRandom fills 8 bytes, which do not become zero.
func putRandom(b []byte) { binary.LittleEndian.PutUint64(b, max(1, rand.Uint64())) }

// Trace returns the trace of the request; zero: there is none.
func (x *Exchange) Trace() outcome.Trace {
	if x == nil {
		return outcome.Trace{}
	}
	return x.tracing
}
