package server

import (
	"regexp"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/instancelog"
	"github.com/dynlb/dynlb/internal/registry"
)

const (
	// maxFollowers is how many calls of StreamLogs there may be at a time.
	maxFollowers = 32
	// MaxTail is how many lines of the past a call may ask for.
	MaxTail     = 10000
	defaultTail = 100
	// linesPerMessage is how many lines a message has at most: with lines of 16 KiB it
	// stays below the 4 MiB that clients of gRPC take.
	linesPerMessage = 128
)

// StreamLogs sends lines of the past, and then those that follow if that is asked for. A
// slow reader has no backlog but what the Follower holds.
func (c *control) StreamLogs(req *dynlbv1.StreamLogsRequest, stream grpc.ServerStreamingServer[dynlbv1.StreamLogsResponse]) error {
	if c.logs == nil {
		return status.Error(codes.Unimplemented, "this dynlb keeps no logs")
	}
	q, err := c.logQuery(req)
	if err != nil {
		return err
	}
	select {
	case c.followers <- struct{}{}:
		defer func() { <-c.followers }()
	default:
		return status.Errorf(codes.ResourceExhausted, "there are %d readers of the logs already, which is the maximum", maxFollowers)
	}
	if !req.GetFollow() {
		return sendLines(stream, c.logs.Read(q), 0)
	}
	lines, follower := c.logs.Follow(q)
	defer follower.Close()
	for dropped, ok := uint64(0), true; ok; {
		if err := sendLines(stream, lines, dropped); err != nil {
			return err
		}
		lines, dropped, ok = follower.Next(stream.Context())
	}
	if err := stream.Context().Err(); err != nil {
		return err
	}
	return errEnding
}

// logQuery returns what a request asks for.
func (c *control) logQuery(req *dynlbv1.StreamLogsRequest) (q instancelog.Query, err error) {
	q = instancelog.Query{App: req.GetApp(), Instance: req.GetInstanceId(), Stream: req.GetStream(), Tail: defaultTail}
	if q.App != "" {
		if _, err := c.apps.find(q.App); err != nil {
			return q, err
		}
	}
	if q.Instance != "" && !c.apps.all().runs(q.App, q.Instance) && !c.logs.Has(q) {
		return q, status.Errorf(codes.NotFound, "there is no instance %q, and no log of one that has ended", q.Instance)
	}
	if q.Since, err = timeOf(req.GetSince(), "since"); err != nil {
		return q, err
	}
	if !q.Since.IsZero() {
		q.Tail = MaxTail
	}
	if req.Tail != nil {
		q.Tail = int(req.GetTail())
	}
	if q.Tail < 0 || q.Tail > MaxTail {
		return q, status.Errorf(codes.InvalidArgument, "tail %d is outside [0, %d]", q.Tail, MaxTail)
	}
	if q.Stream != "" && q.Stream != "stdout" && q.Stream != "stderr" {
		return q, status.Errorf(codes.InvalidArgument, "stream %q is neither stdout nor stderr", q.Stream)
	}
	if req.GetGrep() != "" {
		if q.Grep, err = regexp.Compile(req.GetGrep()); err != nil {
			return q, status.Errorf(codes.InvalidArgument, "grep: %v", err)
		}
	}
	return q, nil
}

// runs reports whether an app, or any if app is "", has an instance whose id begins with
// the given characters.
func (a apps) runs(app, instance string) bool {
	return slices.ContainsFunc(a, func(one App) bool {
		return (app == "" || one.Name == app) && slices.ContainsFunc(one.Board.Snapshot().Instances, func(in registry.Instance) bool {
			return strings.HasPrefix(string(in.ID), instance)
		})
	})
}

// sendLines sends lines in messages of a bounded size.
func sendLines(stream grpc.ServerStreamingServer[dynlbv1.StreamLogsResponse], lines []instancelog.Line, dropped uint64) error {
	for len(lines) > 0 {
		n := min(len(lines), linesPerMessage)
		m := &dynlbv1.StreamLogsResponse{LinesDropped: dropped}
		for i := range lines[:n] {
			m.Lines = append(m.Lines, lineOf(&lines[i]))
		}
		if err := stream.Send(m); err != nil {
			return err
		}
		lines, dropped = lines[n:], 0
	}
	return nil
}

// lineOf returns a line as it is sent.
func lineOf(l *instancelog.Line) *dynlbv1.LogLine {
	out := &dynlbv1.LogLine{
		Time: timestamppb.New(l.Time), App: l.App, InstanceId: l.Instance, Stream: l.Stream, Text: text(l.Text),
	}
	if s, ok := instancelog.Parse(l.Text); ok {
		out.Message = text(s.Message)
		if s.HasLevel {
			out.Level = strings.ToLower(s.Level.String())
		}
	}
	return out
}
