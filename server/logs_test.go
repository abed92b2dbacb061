package server

import (
	"testing"

	"google.golang.org/grpc"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/instancelog"
)

// logStream keeps what is sent.
type logStream struct {
	grpc.ServerStreamingServer[dynlbv1.StreamLogsResponse]
	sent []*dynlbv1.StreamLogsResponse
}

func (s *logStream) Send(m *dynlbv1.StreamLogsResponse) error {
	s.sent = append(s.sent, m)
	return nil
}

// TestSendLines: messages are of a bounded size, and the first one says how many lines are
// missing before them.
func TestSendLines(t *testing.T) {
	t.Parallel()
	s := new(logStream)
	if err := sendLines(s, make([]instancelog.Line, 2*linesPerMessage+1), 7); err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		lines   int
		dropped uint64
	}{{linesPerMessage, 7}, {linesPerMessage, 0}, {1, 0}} {
		if i >= len(s.sent) || len(s.sent[i].GetLines()) != want.lines || s.sent[i].GetLinesDropped() != want.dropped {
			t.Fatalf("message %d of %d: want %d lines, %d dropped", i, len(s.sent), want.lines, want.dropped)
		}
	}
}
