package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/registry"
)

// statusPath is the only path that the public listener answers itself.
const statusPath = "/lb-status"

// newGateway returns a handler that turns HTTP requests into calls of the Control
// service, over a connection to p. The caller closes the connection.
func newGateway(p *pipe) (*grpc.ClientConn, http.Handler, error) {
	conn, err := grpc.NewClient("passthrough:///"+pipeNetwork,
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return p.Dial(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDisableServiceConfig())
	if err != nil {
		return nil, nil, fmt.Errorf("connect gateway: %w", err)
	}
	// No header passes from one side to the other. Only the messages and the name of
	// the client do.
	none := func(string) (string, bool) { return "", false }
	useQueryParser()
	mux := runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, newJSON()),
		runtime.WithIncomingHeaderMatcher(none),
		runtime.WithOutgoingHeaderMatcher(none),
		runtime.WithOutgoingTrailerMatcher(none),
		runtime.WithMetadata(func(_ context.Context, r *http.Request) metadata.MD {
			return metadata.Pairs(peerKey, peerName(r.RemoteAddr, r.TLS))
		}),
		runtime.WithDisableChunkedEncoding(), // net/http decides on that
	)
	if err := dynlbv1.RegisterControlHandlerClient(context.Background(), mux, dynlbv1.NewControlClient(conn)); err != nil {
		return nil, nil, fmt.Errorf("register gateway: %w", err)
	}
	return conn, mux, nil
}

// StatusHandler answers GET and HEAD of /lb-status and nothing else, for the public
// listener: the instances of all apps, or of that in the query. Requests about one app
// wait until Serve runs. After Shutdown requests get a 503.
func (s *Server) StatusHandler() http.Handler {
	status := only(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-s.ending:
			writeError(w, http.StatusServiceUnavailable, registry.ErrClosed.Error())
			return
		default:
		}
		all, name := s.apps.all(), r.URL.Query().Get("app")
		if name == "" && len(all) > 1 {
			writeStatus(w, all)
			return
		}
		app, err := all.find(name)
		if err != nil { // its text lists the apps, which are not for every client
			writeFault(w, http.StatusNotFound, "not found", fmt.Sprintf("there is no app %q", name))
			return
		}
		// A new request, so that nothing else of a public client's request reaches the
		// control service.
		inner, err := http.NewRequestWithContext(r.Context(), http.MethodGet, statusPath+"?app="+url.QueryEscape(app.Name), http.NoBody)
		if err != nil {
			writeError(w, http.StatusInternalServerError, err.Error())
			return
		}
		s.gateway.ServeHTTP(w, inner)
	}), http.MethodGet, http.MethodHead)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.URL.Path != statusPath {
			notFound(w, r)
			return
		}
		status.ServeHTTP(w, r)
	})
}

// writeStatus answers with the instances of all apps.
func writeStatus(w http.ResponseWriter, all apps) {
	whole := new(dynlbv1.LbStatus)
	for i := range all {
		now := all[i].Board.Snapshot()
		one := lbStatusOf(&now)
		whole.Total += one.Total
		whole.Healthy += one.Healthy
		whole.Instances = append(whole.Instances, one.Instances...)
	}
	raw, err := newJSON().Marshal(whole)
	if err != nil {
		writeError(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(raw)
}
