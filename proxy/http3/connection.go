package http3

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/quic-go/quic-go"
	h3 "github.com/quic-go/quic-go/http3"

	"github.com/dynlb/dynlb/proxy/std"
)

// connection is a client's connection. It has a server of quic-go of its own, because that can
// ask all of its clients to leave, and not one.
type connection struct {
	conn    *quic.Conn
	server  *h3.Server
	session *std.Session
}

func newConnection(s *Server, conn *quic.Conn) *connection {
	c := &connection{conn: conn}
	c.server = &h3.Server{
		MaxHeaderBytes: max(http.DefaultMaxHeaderBytes, s.options.Settings.Load().Limits.Head),
		ConnContext:    func(context.Context, *quic.Conn) context.Context { return c.session.Context() },
		Logger:         slog.New(serverLog{s.options.Log.Handler()}),
	}
	c.session = s.options.Lane.NewSession(conn.Context(), c)
	c.server.Handler = c.session
	return c
}

// serve carries the requests until the connection is closed.
func (c *connection) serve() {
	_ = c.server.ServeQUICConn(c.conn) // it says why the client has gone, or that it was asked to before
	c.Close()
	c.session.End()
}

// Leave implements std.Remote.
func (c *connection) Leave() {
	go func() { _ = c.server.Shutdown(context.Background()) }() // ends with the connection
}

// Close implements std.Remote.
func (c *connection) Close() {
	_ = c.conn.CloseWithError(quic.ApplicationErrorCode(h3.ErrCodeNoError), "") // it has no error
}

// serverLog is the log of quic-go, of which only errors are kept: panics of ours. All else is
// a line for each request, and what clients cause.
type serverLog struct{ slog.Handler }

// Enabled implements slog.Handler.
func (l serverLog) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError && l.Handler.Enabled(ctx, level)
}
