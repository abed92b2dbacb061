package cli

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

func TestCertificates(t *testing.T) {
	t.Parallel()
	in := func(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(time.Now().Add(d + time.Minute)) }
	for _, test := range []struct {
		c          *dynlbv1.Certificate
		has        []string
		wantColour string
	}{
		{&dynlbv1.Certificate{Name: "a.example.com", Source: "acme", ExpireTime: in(60 * 24 * time.Hour)}, []string{"certificate a.example.com (acme): expires 2", ", in 60 d"}, ""},
		{&dynlbv1.Certificate{Name: "a.example.com", Source: "acme", ExpireTime: in(30 * time.Hour)}, []string{", in 30 h"}, yellow},
		{&dynlbv1.Certificate{Name: "a.example.com", Source: "file", ExpireTime: in(-time.Hour), Error: "replace it"}, []string{": expired 2", ": replace it"}, red},
		{&dynlbv1.Certificate{Name: "a.example.com", Source: "acme", Error: "not reached"}, []string{": none yet: not reached"}, red},
	} {
		var out strings.Builder
		view{colours: true}.certificates(&out, []*dynlbv1.Certificate{test.c})
		for _, want := range test.has {
			if !strings.Contains(out.String(), want) {
				t.Errorf("got %q, want %q in it", out.String(), want)
			}
		}
		if test.wantColour != "" && !strings.HasPrefix(out.String(), test.wantColour) {
			t.Errorf("got %q, want it in the colour %q", out.String(), test.wantColour)
		}
	}
}
