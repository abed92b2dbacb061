package cli

import (
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// breaking is a control service of two apps. Each watch has a message, that of the app
// "busy" with an event. The first watch of one app ends then.
type breaking struct {
	dynlbv1.UnimplementedControlServer
	ends  string         // the app
	begun sync.WaitGroup // the first watches

	mu      sync.Mutex // guards resumed
	resumed map[string][]uint64
}

func (*breaking) ListApps(context.Context, *dynlbv1.ListAppsRequest) (*dynlbv1.ListAppsResponse, error) {
	return &dynlbv1.ListAppsResponse{Apps: []string{"busy", "quiet"}}, nil
}

func (*breaking) ListEvents(context.Context, *dynlbv1.ListEventsRequest) (*dynlbv1.ListEventsResponse, error) {
	return &dynlbv1.ListEventsResponse{}, nil
}

func (b *breaking) WatchInstances(request *dynlbv1.WatchInstancesRequest, stream grpc.ServerStreamingServer[dynlbv1.WatchInstancesResponse]) error {
	app := request.GetApp()
	m := &dynlbv1.WatchInstancesResponse{Pool: &dynlbv1.Pool{App: app}}
	if app == "busy" {
		m.Events = []*dynlbv1.Event{{App: app, Sequence: 5}}
	}
	if err := stream.Send(m); err != nil {
		return err
	}
	b.mu.Lock()
	b.resumed[app] = append(b.resumed[app], request.GetResumeAfter())
	n := len(b.resumed[app])
	b.mu.Unlock()
	if n == 1 {
		b.begun.Done()
	}
	if n > 1 || app != b.ends {
		<-stream.Context().Done()
		return stream.Context().Err()
	}
	b.begun.Wait()
	return status.Error(codes.Unavailable, "the end")
}

// ofSecond returns after which event the second watch of an app resumed.
func (b *breaking) ofSecond(app string) (after uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if all := b.resumed[app]; len(all) > 1 {
		return all[1], true
	}
	return 0, false
}

// TestAsksFor: events that are followed are those that the flags ask for.
func TestAsksFor(t *testing.T) {
	t.Parallel()
	e := &dynlbv1.Event{InstanceId: "3f2a", Type: dynlbv1.EventType_EVENT_TYPE_EXITED}
	for _, c := range []struct {
		instance string
		kind     dynlbv1.EventType
		want     bool
	}{
		{"3f", dynlbv1.EventType_EVENT_TYPE_EXITED, true},
		{"4", dynlbv1.EventType_EVENT_TYPE_EXITED, false},
		{"", dynlbv1.EventType_EVENT_TYPE_SCALED, false},
	} {
		request := &dynlbv1.ListEventsRequest{InstanceId: c.instance, Types: []dynlbv1.EventType{c.kind}}
		if got := asksFor(request, e); got != c.want {
			t.Errorf("%q, %v: %v", c.instance, c.kind, got)
		}
	}
	if !asksFor(&dynlbv1.ListEventsRequest{}, e) {
		t.Error("without flags an event is left out")
	}
}

// TestResume: after a lost connection the commands that follow go on behind the last event,
// and for an app without one they show all of the next dynlb.
func TestResume(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		apps []string
	}{
		{[]string{"watch", "busy", "-o", "lines"}, []string{"busy"}},
		{[]string{"watch", "quiet", "-o", "lines"}, []string{"quiet"}},
		{[]string{"events", "-f"}, []string{"busy", "quiet"}},
		{[]string{"top", "--plain"}, []string{"busy", "quiet"}},
	} {
		b := &breaking{ends: c.apps[0], resumed: map[string][]uint64{}}
		b.begun.Add(len(c.apps))
		address := serveControl(t, b)
		begin := sequenceAt(time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		var out daemontest.Buffer
		ended := make(chan int, 1)
		go func() { ended <- Run(ctx, append(c.args, "--admin", address), &out, &out, testVersion) }() // ends with ctx
		for _, app := range c.apps {
			var after uint64
			daemontest.Eventually(t, "the second watch of "+app, func() (ok bool) { after, ok = b.ofSecond(app); return ok })
			if app == "busy" && after != 5 || app == "quiet" && (after < begin || after > sequenceAt(time.Now())) {
				t.Errorf("%v: the watch of %s resumes after %d; it began at %d", c.args, app, after, begin)
			}
		}
		cancel()
		if code := <-ended; code != exitDone {
			t.Errorf("%v: exit code %d\n%s", c.args, code, out.String())
		}
	}
}
