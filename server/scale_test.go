package server

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/registry"
)

func TestScaleTo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		target  *int32
		hold    *durationpb.Duration
		code    codes.Code
		message string
	}{
		{name: "up", target: proto.Int32(4)},
		{name: "lower bound", target: proto.Int32(2)},
		{name: "upper bound", target: proto.Int32(8)},
		{name: "held", target: proto.Int32(4), hold: durationpb.New(time.Minute)},
		{name: "held longest", target: proto.Int32(4), hold: durationpb.New(24 * time.Hour)},
		{name: "missing", code: codes.InvalidArgument, message: "target is missing"},
		{name: "too many", target: proto.Int32(9), code: codes.InvalidArgument, message: "target 9 is outside [2, 8] (minInstances, maxInstances)"},
		{name: "too few", target: proto.Int32(1), code: codes.InvalidArgument, message: "target 1 is outside [2, 8]"},
		{name: "negative", target: proto.Int32(-1), code: codes.InvalidArgument, message: "[2, 8]"},
		{name: "negative hold", target: proto.Int32(4), hold: durationpb.New(-1), code: codes.InvalidArgument, message: "hold -1ns is outside [0s, 24h0m0s]"},
		{name: "long hold", target: proto.Int32(4), hold: durationpb.New(24*time.Hour + 1), code: codes.InvalidArgument, message: "outside [0s, 24h0m0s]"},
		{name: "broken hold", target: proto.Int32(4), hold: &durationpb.Duration{Seconds: 5, Nanos: -1}, code: codes.InvalidArgument, message: "outside"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t)
			resp, err := p.client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{Target: tt.target, Hold: tt.hold})
			if tt.code != codes.OK {
				wantCode(t, err, tt.code, tt.message)
				if got := p.board.Snapshot().Target; got != 2 {
					t.Errorf("target is %d after a refusal, want 2", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if resp.GetOldTarget() != 2 || resp.GetNewTarget() != *tt.target {
				t.Errorf("answer is %v, want 2 and %d", resp, *tt.target)
			}
			if p.scaler.hold != tt.hold.AsDuration() {
				t.Errorf("hold is %v, want %v", p.scaler.hold, tt.hold.AsDuration())
			}
		})
	}
}

func TestScaleToErrors(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, tt := range []struct {
		err     error
		code    codes.Code
		message string
	}{
		{fmt.Errorf("scale: %w", registry.ErrClosed), codes.Unavailable, "dynlb is shutting down"},
		{errors.New("no fleet"), codes.Internal, "no fleet"},
	} {
		p.scaler.err = tt.err
		_, err := p.client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{Target: proto.Int32(4)})
		wantCode(t, err, tt.code, tt.message)
	}
	p.Moved()
	p.scaler.err = registry.ErrClosed
	_, err := p.client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{Target: proto.Int32(4)})
	wantCode(t, err, codes.Unavailable, "dynlb was upgraded, and another worker serves: call again")
}

func TestScaleToNamesThePeer(t *testing.T) {
	t.Parallel()
	p := start(t)
	if _, err := p.client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{Target: proto.Int32(4)}); err != nil {
		t.Fatal(err)
	}
	if got := p.scaler.reason; !strings.HasPrefix(got, "order from 127.0.0.1:") || !strings.HasSuffix(got, ": 2 -> 4") {
		t.Errorf("reason is %q", got)
	}
	resp, body := p.do(t, "POST", "/v1/scale", `{"target":3,"hold":"60s"}`,
		"Content-Type", "application/json", "X-Forwarded-For", "6.6.6.6", "Grpc-Metadata-Dynlb-Peer", "6.6.6.6:6")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, body)
	}
	if got := p.scaler.reason; !strings.HasPrefix(got, "order from 127.0.0.1:") || !strings.HasSuffix(got, ": 4 -> 3, held for 1m0s") {
		t.Errorf("reason is %q", got)
	}
	audit := strings.Split(strings.TrimSpace(p.log.String()), "\n")
	if len(audit) != 2 || !strings.Contains(audit[0], "peer=127.0.0.1:") || !strings.Contains(audit[0], "old=2 new=4 hold=0s") ||
		!strings.Contains(audit[1], "peer=127.0.0.1:") || !strings.Contains(audit[1], "old=4 new=3 hold=1m0s") {
		t.Errorf("log is %q; want one audit line a call", audit)
	}
}

func TestScaleOverHTTP(t *testing.T) {
	t.Parallel()
	const outside = `{"code":3,"message":"target 9 is outside [2, 8] (minInstances, maxInstances)","details":[]}`
	for _, tt := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"in bounds", `{"target":4}`, 200, `{"oldTarget":2,"newTarget":4,"app":"default"}`},
		{"with hold", `{"target":4,"hold":"1.5s"}`, 200, `{"oldTarget":2,"newTarget":4,"app":"default"}`},
		{"outside", `{"target":9}`, 400, outside},
		{"no target", `{}`, 400, `{"code":3,"message":"target is missing: it says how many instances there should be","details":[]}`},
		{"no body", ``, 400, `{"code":3,"message":"target is missing: it says how many instances there should be","details":[]}`},
		{"unknown field", `{"targets":4}`, 400, `{"code":3,"message":"read JSON: (line 1:2): unknown field \"targets\"","details":[]}`},
		{"not a number", `{"target":"many"}`, 400, `{"code":3,"message":"read JSON: (line 1:11): invalid value for int32 field target: \"many\"","details":[]}`},
		{"not JSON", `target=4`, 400, `{"code":3,"message":"read JSON: invalid character 'a' in literal true (expecting 'r')","details":[]}`},
		{"too large", `{"target":4` + strings.Repeat(" ", maxMessage) + `}`, 400, `{"code":3,"message":"read JSON: http: request body too large","details":[]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t)
			resp, body := p.do(t, "POST", "/v1/scale", tt.body, "Content-Type", "application/json")
			if resp.StatusCode != tt.status || body != tt.want || resp.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s %s\n got %s\nwant %s", resp.Status, resp.Header.Get("Content-Type"), body, tt.want)
			}
		})
	}
}
