package server

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

func TestWatchersAreBounded(t *testing.T) {
	t.Parallel()
	p := start(t)
	// Over HTTP, as one gRPC connection has no more streams than that.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range maxWatchers {
		p.watchHTTP(ctx, t)
	}
	stream, err := p.client.WatchInstances(t.Context(), &dynlbv1.WatchInstancesRequest{})
	if err == nil {
		_, err = stream.Recv()
	}
	wantCode(t, err, codes.ResourceExhausted, "64 watchers already")
	if resp, body := p.do(t, "GET", "/v1/instances:watch", ""); resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one HTTP watcher too many: %s %s, want 429", resp.Status, body)
	}
	if resp, _ := p.do(t, "GET", "/lb-status", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("/lb-status beside %d watchers: %s", maxWatchers, resp.Status)
	}

	cancel() // ends the watches, which frees their places
	for err != nil {
		if stream, err = p.client.WatchInstances(t.Context(), &dynlbv1.WatchInstancesRequest{}); err == nil {
			_, err = stream.Recv()
		}
		if err != nil {
			wantCode(t, err, codes.ResourceExhausted, "64 watchers already")
		}
	}
}

// watchHTTP opens a watch over HTTP, and returns it after the first line, which it
// checks.
func (p *plane) watchHTTP(ctx context.Context, t *testing.T) *bufio.Scanner {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+"/v1/instances:watch?minInterval=0.01s", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := p.web.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("watch over HTTP: %s %v", resp.Status, resp.Header)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	if pool := nextLine(t, lines).GetPool(); pool.GetMaxInstances() != 8 {
		t.Errorf("first message is %v; want the whole state", pool)
	}
	return lines
}

// nextLine reads one message of a watch over HTTP.
func nextLine(t *testing.T, lines *bufio.Scanner) *dynlbv1.WatchInstancesResponse {
	t.Helper()
	if !lines.Scan() {
		t.Fatalf("watch over HTTP ended: %v", lines.Err())
	}
	raw, ok := strings.CutPrefix(lines.Text(), `{"result":`)
	if !ok {
		t.Fatalf("line is %s; want a result", lines.Text())
	}
	message := &dynlbv1.WatchInstancesResponse{}
	if err := protojson.Unmarshal([]byte(strings.TrimSuffix(raw, "}")), message); err != nil {
		t.Fatalf("line %s: %v", lines.Text(), err)
	}
	return message
}

func TestWatchOverHTTP(t *testing.T) {
	t.Parallel()
	p := start(t)
	lines := p.watchHTTP(t.Context(), t)
	p.board.SetTarget(3, p.scaler.bounds, time.Time{}, "avg load 4.2 > 3 over 5s: 2 -> 3")
	message := nextLine(t, lines)
	if message.GetPool().GetTarget() != 3 || len(message.GetEvents()) != 1 {
		t.Errorf("second message is %v; want target 3 and its event", message)
	}
	if !strings.Contains(lines.Text(), "avg load 4.2 > 3 over 5s: 2 -> 3") {
		t.Errorf("line %s does not show the reason as it is written", lines.Text())
	}
}

// TestWatchOverHTTPHasNoTimeLimit: the time limits of other requests do not end a
// watch.
func TestWatchOverHTTPHasNoTimeLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := startInBubble(t)
		lines := p.watchHTTP(t.Context(), t)
		for range 10 {
			time.Sleep(writeTimeout)
			p.board.CountRestart()
			nextLine(t, lines)
		}
	})
}
