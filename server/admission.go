package server

import (
	"context"
	"crypto/tls"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// admitUnary and admitStream pass the calls on that Auth admits, for every service
// of the clients' server.
func (s *Server) admitUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	if err := s.admitCall(ctx, info.FullMethod); err != nil {
		return nil, err
	}
	return handle(ctx, req)
}

func (s *Server) admitStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	if err := s.admitCall(stream.Context(), info.FullMethod); err != nil {
		return err
	}
	return handle(srv, stream)
}

// admitCall returns nil for a call that Auth admits.
func (s *Server) admitCall(ctx context.Context, method string) error {
	if method == healthpb.Health_Check_FullMethodName {
		return nil
	}
	denial := s.auth.admit(metadata.ValueFromIncomingContext(ctx, "authorization"), tlsStateOf(ctx))
	if denial == nil {
		if p, ok := peer.FromContext(ctx); ok {
			s.overGRPC.admit(p.Addr.String())
		}
		return nil
	}
	s.denials.note(s, peerOf(ctx), method, denial.text)
	return status.Error(codes.Unauthenticated, denial.text)
}

// tlsStateOf returns the TLS state of a call's connection, nil without TLS.
func tlsStateOf(ctx context.Context) *tls.ConnectionState {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return nil
	}
	return &info.State
}

// admitHTTP returns a handler that passes only requests that Auth admits to h. It
// removes their Authorization, which the gateway would forward.
func (s *Server) admitHTTP(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		denial := s.admitRequest(r)
		if denial == nil {
			s.overHTTP.admit(r.RemoteAddr)
			inner := r.WithContext(r.Context()) // copies r
			inner.Header = r.Header.Clone()
			inner.Header.Del("Authorization")
			h.ServeHTTP(w, inner)
			return
		}
		s.denials.note(s, peerName(r.RemoteAddr, r.TLS), r.Method+" "+r.URL.Path, denial.text)
		if denial.challenge == "" { // 401 promises that an Authorization can help: RFC 9110, 15.5.2
			writeError(w, http.StatusForbidden, denial.text)
			return
		}
		w.Header().Set("WWW-Authenticate", denial.challenge)
		writeError(w, http.StatusUnauthorized, denial.text)
	})
}

// denialInterval is the minimum time between two log lines about denials.
const denialInterval = time.Second

// denials logs clients that were not admitted, at most one per denialInterval.
type denials struct {
	mu       sync.Mutex // guards the rest
	last     time.Time  // of the last line
	unlogged int        // denials since then
}

func (d *denials) note(s *Server, from, call, why string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := time.Now(); now.Sub(d.last) >= denialInterval {
		s.log.Warn("control call denied", "peer", from, "call", call, "reason", why, "unlogged", d.unlogged)
		d.last, d.unlogged = now, 0
		return
	}
	d.unlogged++
}
