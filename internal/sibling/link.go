package sibling

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

const (
	// silence is how long nothing may arrive on a stream until what the sibling had is
	// forgotten: four of its signs of life.
	silence = 4 * heartbeat
	// firstRetry and lastRetry are the time between two attempts to open a stream.
	firstRetry, lastRetry = 50 * time.Millisecond, time.Second
	// selfRetry is that time for an address that has turned out to be this dynlb's own.
	selfRetry = 30 * time.Second
)

// errSilent is why a stream on which nothing arrives is ended.
var errSilent = errors.New("nothing arrives")

// link is the stream from the sibling at one address.
type link struct {
	group   *Group
	address string
	cancel  context.CancelFunc
	control dynlbv1.ControlClient

	id     string    // of the sibling, while what it has is counted; or ""
	lastAt time.Time // when something last arrived
}

// run keeps a stream open until ctx ends.
func (l *link) run(ctx context.Context, access Access) {
	conn, err := access.dial(l.address)
	if err != nil {
		l.group.Log.Error("sibling cannot be reached", "address", l.address, "error", err)
		return
	}
	defer func() { _ = conn.Close() }()
	l.control = dynlbv1.NewControlClient(conn)
	wait := firstRetry
	var last string
	for {
		arrived, err := l.follow(ctx, conn)
		if ctx.Err() != nil {
			l.forget("not among the siblings any more")
			return
		}
		switch {
		case arrived:
			wait = firstRetry
		case errors.Is(err, errSelf):
			wait = selfRetry
		default:
			wait = min(2*wait, lastRetry)
		}
		if text := err.Error(); text != last && !arrived && !errors.Is(err, errSelf) && !errors.Is(err, errTaken) {
			last = text
			l.group.Log.Warn("sibling cannot be reached", "address", l.address, "error", err)
		}
		if !l.pause(ctx, wait, err) {
			return
		}
	}
}

// pause waits for the next attempt, and forgets what the sibling had when nothing has arrived
// for too long. It returns false when ctx has ended.
func (l *link) pause(ctx context.Context, wait time.Duration, why error) bool {
	retry := time.NewTimer(wait)
	defer retry.Stop()
	late := time.NewTimer(time.Until(l.lastAt.Add(silence)))
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			l.forget("not among the siblings any more")
			return false
		case <-late.C:
			l.forget(why.Error())
		case <-retry.C:
			return true
		}
	}
}

// forget forgets what the sibling had.
func (l *link) forget(why string) {
	if l.id != "" {
		l.group.release(l, l.id, why)
		l.id = ""
	}
}

// Why the stream of an address is not used.
var (
	errSelf  = errors.New("the address is this dynlb's own")
	errTaken = errors.New("the sibling is reached at another address")
)

// follow opens a stream, and counts what arrives on it until it ends. arrived reports whether
// anything has.
func (l *link) follow(ctx context.Context, conn *grpc.ClientConn) (arrived bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// An attempt that takes as long as the silence is late, too: what was arrived before is
	// forgotten then.
	late := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer late.Stop()
	stream, err := dynlbv1.NewSiblingsClient(conn).WatchReports(ctx, &dynlbv1.WatchReportsRequest{App: l.group.App, Reader: l.group.ID})
	if err != nil {
		return false, cause(ctx, err)
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			return arrived, cause(ctx, err)
		}
		late.Reset(silence)
		if !arrived && (m.GetId() == "" || m.GetId() == l.group.ID) {
			return false, errSelf
		}
		if !arrived && l.id != m.GetId() {
			l.forget("it was started again")
			if !l.group.claim(l, m.GetId()) {
				return false, errTaken
			}
			l.id = m.GetId()
		}
		l.group.hear(l.id, m, !arrived)
		arrived, l.lastAt = true, time.Now()
	}
}

// cause returns why a stream has ended.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	if errors.Is(err, io.EOF) {
		return errors.New("it has ended the stream")
	}
	return err
}
