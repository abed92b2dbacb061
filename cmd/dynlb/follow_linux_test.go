package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
	"github.com/dynlb/dynlb/server"
)

// followed are the events that `dynlb events -f` prints.
type followed struct {
	mu        sync.Mutex
	sequences []string // of all, as protobuf's JSON has them
	reasons   []string // of changes of the target
}

// follow starts `dynlb events -f`, until the test ends.
func (p *dynlbProcess) follow() *followed {
	p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, self, "events", "-f", "-n", "1", "-o", "json", "--admin", p.admin())
	cmd.Stderr = p.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	f, done := new(followed), make(chan struct{})
	go func() { // ends with the command
		defer close(done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var e struct{ Sequence, Type, Reason string }
			if json.Unmarshal(lines.Bytes(), &e) != nil {
				continue
			}
			f.mu.Lock()
			f.sequences = append(f.sequences, e.Sequence)
			if e.Type == "EVENT_TYPE_SCALED" {
				f.reasons = append(f.reasons, e.Reason)
			}
			f.mu.Unlock()
		}
	}()
	p.t.Cleanup(func() {
		cancel()
		<-done
		_ = cmd.Wait()
	})
	return f
}

// scaled returns the changes of the target.
func (f *followed) scaled() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.reasons)
}

// TestFollowOverUpgrades: a client that follows the events has each once over upgrades, also
// those right before one, with a state folder or without. The stream says why it ends.
func TestFollowOverUpgrades(t *testing.T) {
	t.Parallel()
	for _, stateDir := range []string{"off", t.TempDir()} {
		t.Run(stateDir, func(t *testing.T) {
			t.Parallel()
			p := operate(t, "minInstances: 2\nmaxInstances: 3\nidleTimeout: 1h\nstateDir: "+stateDir+"\n")
			stream, err := p.WatchInstances(context.Background(), &dynlbv1.WatchInstancesRequest{})
			if err != nil {
				t.Fatal(err)
			}
			f := p.follow()
			daemontest.Eventually(t, "the first event", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.sequences) > 0 })
			first := len(f.scaled())
			for i := range 4 {
				target := int32(3 - i%2)
				var err error
				for again := true; again; again = status.Convert(err).Message() == server.MovedText {
					_, err = p.ScaleTo(context.Background(), &dynlbv1.ScaleToRequest{Target: &target})
				}
				if err != nil {
					t.Fatal(err)
				}
				p.mustUpgrade()
				p.pool() // the connection is one to the next worker
			}
			daemontest.Eventually(t, "four changes of the target", func() bool { return len(f.scaled()) >= first+4 })
			for err == nil {
				_, err = stream.Recv()
			}
			if s := status.Convert(err); s.Code() != codes.Unavailable || !strings.Contains(s.Message(), "dynlb was upgraded") {
				t.Errorf("the watch has ended with %v", err)
			}
			upgrades := &dynlbv1.ListEventsRequest{Types: []dynlbv1.EventType{dynlbv1.EventType_EVENT_TYPE_UPGRADED}}
			daemontest.Eventually(t, "four events of upgrades", func() bool {
				response, err := p.ListEvents(context.Background(), upgrades)
				return err == nil && len(response.GetEvents()) == 4
			})
			time.Sleep(time.Second) // no event is to come again
			if now := f.scaled(); len(now) != first+4 {
				t.Errorf("the target has changed %d times: %q", len(now), now)
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			if !slices.IsSorted(f.sequences) || len(slices.Compact(slices.Clone(f.sequences))) != len(f.sequences) {
				t.Errorf("events %v", f.sequences)
			}
		})
	}
}
