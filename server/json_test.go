package server

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// TestJSONIsCompact: protojson writes spaces in some builds, which the gateway
// removes.
func TestJSONIsCompact(t *testing.T) {
	t.Parallel()
	spacious := newJSON()
	spacious.Indent = "  "
	event := &dynlbv1.Event{Type: dynlbv1.EventType_EVENT_TYPE_SCALED, Reason: "avg load 4.2 > 3: 2 -> 4", App: "default", Rule: "window"}
	const want = `{"type":"EVENT_TYPE_SCALED","instanceId":"","reason":"avg load 4.2 > 3: 2 -> 4","app":"default","rule":"window","sequence":"0","output":[],"version":""}`
	for _, tt := range []struct {
		v    any
		want string
	}{
		{event, want},
		{map[string]any{"result": event}, `{"result":` + want + `}`},
		{map[string]proto.Message{"error": event}, `{"error":` + want + `}`},
	} {
		if got, err := spacious.Marshal(tt.v); err != nil || string(got) != tt.want {
			t.Errorf("Marshal(%v) = %s, %v; want %s", tt.v, got, err, tt.want)
		}
		var out strings.Builder
		if err := spacious.NewEncoder(&out).Encode(tt.v); err != nil || out.String() != tt.want+"\n" {
			t.Errorf("Encode(%v) = %s, %v; want %s", tt.v, &out, err, tt.want)
		}
	}
}

func TestJSONErrorsArePlain(t *testing.T) {
	t.Parallel()
	for _, message := range []string{"proto: (line 1:2): unknown field", "proto:\u00a0(line 1:2): unknown field"} {
		if got := plain(errors.New(message)); got != "(line 1:2): unknown field" {
			t.Errorf("plain(%q) = %q", message, got)
		}
	}
}
