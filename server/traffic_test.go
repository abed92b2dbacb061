package server

import (
	"testing"
	"time"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/notice"
)

// TestTraffic: the state has the requests by class and by duration, of their app only.
func TestTraffic(t *testing.T) {
	t.Parallel()
	p, _ := startTwo(t)
	for code, n := range map[int]int{101: 1, 200: 2, 204: 3, 302: 4, 404: 5, 499: 6, 502: 7, 503: 8, 0: 9} {
		for range n {
			p.metrics.Record(Request{App: "two", Code: code, Duration: 3 * time.Millisecond})
		}
	}
	p.metrics.Record(Request{App: "two", Code: 200, Duration: time.Minute})
	p.metrics.Record(Request{App: "default", Code: 200})
	state, err := p.client.GetStatus(t.Context(), &dynlbv1.GetStatusRequest{App: "two"})
	if err != nil {
		t.Fatal(err)
	}
	got := state.GetPool().GetTraffic()
	if got.GetSuccess() != 7 || got.GetRedirect() != 4 || got.GetClientError() != 11 || got.GetServerError() != 15 {
		t.Errorf("by class: %v", got)
	}
	buckets := got.GetDurations()
	if len(buckets) != len(requestBounds)+1 {
		t.Fatalf("%d buckets, want %d", len(buckets), len(requestBounds)+1)
	}
	for i, bucket := range buckets {
		bound, want := 0.0, uint64(0)
		switch {
		case i == len(requestBounds):
			want = 1 // the minute
		case requestBounds[i] == 5*time.Millisecond:
			want = 45 // 3 ms
		}
		if i < len(requestBounds) {
			bound = requestBounds[i].Seconds()
		}
		if bucket.GetUpperSeconds() != bound || bucket.GetCount() != want {
			t.Errorf("bucket %d is %v, want %d up to %v", i, bucket, want, bound)
		}
	}
}

// TestThresholds: the state has the thresholds in use.
func TestThresholds(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.board.SetThresholds(notice.Thresholds{Up: 3, Down: .5})
	state, err := p.client.GetStatus(t.Context(), &dynlbv1.GetStatusRequest{})
	if got := state.GetPool(); err != nil || got.GetScaleUpThreshold() != 3 || got.GetScaleDownThreshold() != .5 {
		t.Errorf("thresholds: %v, %v", got, err)
	}
}
