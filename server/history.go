package server

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/history"
)

// maxReaders is how many calls may read the history at a time. Each reads some megabytes
// of files at most and takes up to a second.
const maxReaders = 8

// errNoHistory is the answer of a Server without a history.
var errNoHistory = status.Error(codes.Unimplemented, "this dynlb keeps no history")

// read takes a place among the readers. Call release when done.
func (c *control) read() (release func(), err error) {
	if c.history == nil {
		return nil, errNoHistory
	}
	select {
	case c.readers <- struct{}{}:
		return func() { <-c.readers }, nil
	default:
		return nil, status.Errorf(codes.ResourceExhausted, "there are %d readers of the history already, which is the maximum", maxReaders)
	}
}

// timeOf returns the zero time for a time that is unset.
func timeOf(t *timestamppb.Timestamp, name string) (time.Time, error) {
	if t == nil {
		return time.Time{}, nil
	}
	if !t.IsValid() {
		return time.Time{}, status.Errorf(codes.InvalidArgument, "%s is no time", name)
	}
	return t.AsTime(), nil
}

// GetHistory returns figures of an app over time.
func (c *control) GetHistory(_ context.Context, req *dynlbv1.GetHistoryRequest) (*dynlbv1.GetHistoryResponse, error) {
	release, err := c.read()
	if err != nil {
		return nil, err
	}
	defer release()
	app, err := c.apps.find(req.GetApp())
	if err != nil {
		return nil, err
	}
	q := history.Query{App: app.Name, Instances: req.GetInstances()}
	q.From, err = timeOf(req.GetFrom(), "from")
	if err == nil {
		q.To, err = timeOf(req.GetTo(), "to")
	}
	if err != nil {
		return nil, err
	}
	if q.To.IsZero() {
		q.To = time.Now()
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-time.Hour)
	}
	if req.GetStep() != nil {
		q.Step = req.GetStep().AsDuration()
		if q.Step < history.MinStep || q.Step > history.MaxStep || !req.GetStep().IsValid() {
			return nil, status.Errorf(codes.InvalidArgument, "step %v is outside [%v, %v]", q.Step, history.MinStep, history.MaxStep)
		}
	}
	points, step, err := c.history.Points(q)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	return &dynlbv1.GetHistoryResponse{App: app.Name, Step: durationpb.New(step), Points: points}, nil
}

// The bounds of a page of events.
const (
	maxPage     = 1000
	defaultPage = 100
)

// ListEvents returns a page of events.
func (c *control) ListEvents(_ context.Context, req *dynlbv1.ListEventsRequest) (*dynlbv1.ListEventsResponse, error) {
	release, err := c.read()
	if err != nil {
		return nil, err
	}
	defer release()
	q := history.EventQuery{
		App: req.GetApp(), Instance: req.GetInstanceId(), Types: req.GetTypes(), After: req.GetAfterSequence(),
		Limit: int(req.GetPageSize()), Newest: req.GetNewestFirst(), Token: req.GetPageToken(),
	}
	q.Since, err = timeOf(req.GetSince(), "since")
	if err == nil {
		q.Until, err = timeOf(req.GetUntil(), "until")
	}
	switch {
	case err != nil:
		return nil, err
	case q.Limit < 0 || q.Limit > maxPage:
		return nil, status.Errorf(codes.InvalidArgument, "page_size %d is outside [0, %d]", q.Limit, maxPage)
	case q.Limit == 0:
		q.Limit = defaultPage
	}
	events, next, err := c.history.Events(q)
	switch {
	case errors.Is(err, history.ErrToken):
		return nil, status.Error(codes.InvalidArgument, err.Error())
	case err != nil:
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &dynlbv1.ListEventsResponse{Events: events, NextPageToken: next, EventsDropped: c.history.Dropped()}, nil
}
