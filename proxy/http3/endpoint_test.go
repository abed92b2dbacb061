package http3

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/quic-go/quic-go"

	"github.com/dynlb/dynlb/proxy/handshake"
)

// TestHandshakeBounds checks from how many handshakes under way on clients must verify their
// address, that there is a limit, and that each that ends makes room.
func TestHandshakeBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var admitted atomic.Int64
		handshakes := handshake.New(&tls.Config{}, slog.New(slog.DiscardHandler))
		e := newEndpoint(New(Options{
			TLS: &tls.Config{}, Handshakes: handshakes,
			Admit: func() (func(), bool) { admitted.Add(1); return func() { admitted.Add(-1) }, true },
		}), nil)
		from := &quic.ClientInfo{RemoteAddr: &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}}
		var cancels []context.CancelCauseFunc
		admit := func() error {
			ctx, cancel := context.WithCancelCause(t.Context())
			cancels = append(cancels, cancel)
			_, err := e.admit(ctx, from)
			return err
		}
		for i := range maxShaking {
			if got := e.crowded(); got != (i >= unverified) {
				t.Fatalf("%d handshakes: crowded %v", i, got)
			}
			if err := admit(); err != nil {
				t.Fatalf("handshake %d: %v", i, err)
			}
		}
		if admit() == nil {
			t.Errorf("more than %d handshakes", maxShaking)
		}
		cancels[0](&quic.TransportError{ErrorCode: 0x128}) // as when the versions of TLS do not match
		cancels[1](&quic.IdleTimeoutError{})
		synctest.Wait()
		if n := handshakes.Counts(); n.Failed != 1 || n.Left != 1 || admitted.Load() != maxShaking-2 {
			t.Errorf("counts %+v, %d admitted", n, admitted.Load())
		}
		if err := admit(); err != nil {
			t.Error(err)
		}
		e.leave()
		if admit() == nil {
			t.Error("a client is admitted after leave")
		}
		for _, cancel := range cancels {
			cancel(errors.New("over"))
		}
		synctest.Wait()
		if admitted.Load() != 0 || e.shaking != 0 || e.ctx.Err() == nil {
			t.Errorf("%d admitted, %d handshakes, ended: %v", admitted.Load(), e.shaking, e.ctx.Err())
		}
	})
}
