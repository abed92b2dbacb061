package cli

import (
	"slices"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"google.golang.org/grpc"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
	"github.com/dynlb/dynlb/internal/top"
)

// readLogs is a control service that passes on of which instances the log is read.
type readLogs struct {
	dynlbv1.UnimplementedControlServer
	of chan string
}

func (r *readLogs) StreamLogs(request *dynlbv1.StreamLogsRequest, stream grpc.ServerStreamingServer[dynlbv1.StreamLogsResponse]) error {
	r.of <- request.GetInstanceId()
	<-stream.Context().Done()
	return stream.Context().Err()
}

// TestTopLogOrder: the log of the instance that is selected last is read, also if the
// commands of two keys run in another order.
func TestTopLogOrder(t *testing.T) {
	t.Parallel()
	logs := &readLogs{of: make(chan string, 2)}
	feed := newTopFeed(t.Context(), &options{admin: serveControl(t, logs)}, false)
	defer feed.stop()
	m := fedModel{top.New(top.Options{App: "web", Now: time.Now(), Follow: feed.followLog}), feed}
	m.Update(top.State{App: "web", Response: &dynlbv1.WatchInstancesResponse{Pool: &dynlbv1.Pool{
		App: "web", Instances: []*dynlbv1.Instance{{Id: "a"}, {Id: "b"}},
	}}})
	var commands []tea.Cmd
	for _, key := range []rune{tea.KeyEnter, tea.KeyDown} {
		_, cmd := m.Update(tea.KeyPressMsg{Code: key})
		commands = append(commands, cmd)
	}
	for _, cmd := range slices.Backward(commands) {
		if cmd != nil {
			cmd()
		}
	}
	select {
	case got := <-logs.of:
		if got != "b" {
			t.Errorf("the log of %s is read, and b is selected", got)
		}
	case <-time.After(daemontest.Within):
		t.Error("no log is read")
	}
}
