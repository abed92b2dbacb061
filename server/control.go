package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/history"
	"github.com/dynlb/dynlb/internal/instancelog"
	"github.com/dynlb/dynlb/internal/notice"
)

// peerKey is the metadata in which the gateway names the HTTP client. A key that
// ends in -bin may hold more than ASCII.
const peerKey = "dynlb-peer-bin"

// control implements the Control service.
type control struct {
	dynlbv1.UnimplementedControlServer
	apps         *directory
	metrics      *Metrics
	certificates func() []Certificate // nil: there are none
	upgrader     Upgrader             // nil: there is no keeper
	version      string
	log          *slog.Logger
	history      *history.Store
	logs         *instancelog.Store
	feeds        feeds
	operator     Operator      // nil: Reload and Stop fail
	watchers     chan struct{} // holds one value per watcher
	readers      chan struct{} // holds one value per reader of the history
	followers    chan struct{} // holds one value per reader of the logs
}

func newControl(apps *directory, options *Options, log *slog.Logger) *control {
	return &control{
		apps: apps, metrics: options.Metrics, certificates: options.Certificates, upgrader: options.Upgrader, version: options.Version,
		history: options.History, logs: options.Logs, operator: options.Operator, log: log,
		feeds: feeds{all: map[*notice.Board]*shared{}}, watchers: make(chan struct{}, maxWatchers), readers: make(chan struct{}, maxReaders),
		followers: make(chan struct{}, maxFollowers),
	}
}

// GetStatus returns the state of an app.
func (c *control) GetStatus(_ context.Context, req *dynlbv1.GetStatusRequest) (*dynlbv1.GetStatusResponse, error) {
	app, err := c.apps.find(req.GetApp())
	if err != nil {
		return nil, err
	}
	now := app.Board.Snapshot()
	out := &dynlbv1.GetStatusResponse{LbStatus: lbStatusOf(&now), Pool: c.pool(app, &now)}
	if c.certificates != nil {
		out.Certificates = certificatesOf(c.certificates())
	}
	out.Process = c.process()
	return out, nil
}

// pool returns a snapshot of an app in full, with the requests that have ended.
func (c *control) pool(app *App, now *notice.Snapshot) *dynlbv1.Pool {
	out := poolOf(app.Name, now)
	out.Traffic = c.metrics.traffic(app.Name)
	return out
}

// peerOf names the client of a call. For a call of the gateway it is the HTTP
// client. Only the gateway connects through the pipe, so no other client can name
// a peer.
func peerOf(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return "unknown"
	}
	if p.Addr.Network() != pipeNetwork {
		return peerName(p.Addr.String(), tlsStateOf(ctx))
	}
	for _, name := range metadata.ValueFromIncomingContext(ctx, peerKey) {
		return name
	}
	return "unknown"
}

// peerName names a client by its address and, if it has one, its certificate.
func peerName(address string, state *tls.ConnectionState) string {
	if subject := subjectOf(state); subject != "" {
		return fmt.Sprintf("%s (%s)", address, subject)
	}
	return address
}
