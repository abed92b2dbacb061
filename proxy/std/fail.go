package std

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/dynlb/dynlb/proxy/policy"
)

// fail answers a request that has failed with err.
func (x *exchange) fail(err error) {
	trouble := ""
	if x.app != nil {
		trouble = x.app.Registry().Trouble()
	}
	f := policy.FaultOf(err, trouble)
	x.outcome.Code, x.outcome.Source = f.Code, f.Source
	x.release()
	switch {
	case f.Code == policy.StatusClientClosed:
		x.log(slog.LevelDebug, f.Message, nil)
		x.client.breakOff(true)
		return
	case f.IsQuiet():
		x.log(slog.LevelDebug, f.Message, f.Cause(err))
	case f.Code == http.StatusBadGateway, f.Code == http.StatusGatewayTimeout:
		x.log(slog.LevelWarn, f.Message, f.Cause(err))
	default:
		x.log(slog.LevelInfo, f.Message, f.Cause(err))
	}
	if client, ok := x.client.(caller); ok && x.kind == policy.GRPCCall {
		client.refuseCall(f.GRPCStatus(err))
		return
	}
	x.edge.Dress(&f)
	x.outcome.BytesOut = f.Length(x.method == http.MethodHead)
	x.client.refuse(f, x.readsAll())
}

// log logs a line about the exchange.
func (x *exchange) log(level slog.Level, message string, cause error) {
	logger := x.lane.options.Log
	if !logger.Enabled(context.Background(), level) {
		return
	}
	path := string(x.outcome.Route)
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	attrs := []slog.Attr{
		slog.String("method", x.method),
		slog.String("path", path),
		slog.Int("code", x.outcome.Code),
	}
	if x.app != nil {
		attrs = append(attrs, slog.String("app", x.app.Name()))
	}
	if x.lease.Valid() {
		attrs = append(attrs, slog.String("instance", string(x.lease.ID())))
	}
	if id := x.edge.ID(); id != "" {
		attrs = append(attrs, slog.String("requestID", id))
	}
	if cause != nil {
		attrs = append(attrs, slog.String("cause", cause.Error()))
	}
	logger.LogAttrs(context.Background(), level, message, attrs...)
}
