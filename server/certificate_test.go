package server

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/proto"
)

// TestCertificates reports certificates in the metrics and in the status.
func TestCertificates(t *testing.T) {
	t.Parallel()
	expiry := time.Unix(1_800_000_000, 0)
	list := []Certificate{
		{Name: "a.example.com", Source: "acme", Expiry: expiry},
		{Name: "b.example.com", Source: "acme", Error: "not reached"},
		{Name: "c.example.com", Source: "file", Expiry: expiry.Add(time.Hour)}, // with a key of RSA
		{Name: "c.example.com", Source: "file", Expiry: expiry, Error: "not read"},
	}
	m := NewMetrics([]App{newApp("default").app()})
	m.AddCertificates(func() []Certificate { return list })
	err := testutil.GatherAndCompare(m.gatherer, strings.NewReader(`
# HELP dynlb_certificate_error 1 when a certificate of the public listener was not obtained, renewed or read, or has expired.
# TYPE dynlb_certificate_error gauge
dynlb_certificate_error{name="a.example.com",source="acme"} 0
dynlb_certificate_error{name="b.example.com",source="acme"} 1
dynlb_certificate_error{name="c.example.com",source="file"} 1
# HELP dynlb_certificate_expiry_timestamp_seconds When a certificate of the public listener expires; 0 while there is none.
# TYPE dynlb_certificate_expiry_timestamp_seconds gauge
dynlb_certificate_expiry_timestamp_seconds{name="a.example.com",source="acme"} 1.8e+09
dynlb_certificate_expiry_timestamp_seconds{name="b.example.com",source="acme"} 0
dynlb_certificate_expiry_timestamp_seconds{name="c.example.com",source="file"} 1.8e+09
`), "dynlb_certificate_error", "dynlb_certificate_expiry_timestamp_seconds")
	if err != nil {
		t.Error(err)
	}
	out := certificatesOf(list)
	if got := out[0]; got.GetName() != "a.example.com" || got.GetSource() != "acme" || !got.GetExpireTime().AsTime().Equal(expiry) || got.GetError() != "" {
		t.Errorf("the status has %v, want %+v", got, list[0])
	}
	if got := out[1]; got.GetExpireTime() != nil || got.GetError() != "not reached" || !proto.Equal(got, certificatesOf(list[1:2])[0]) {
		t.Errorf("the status has %v, want an error and no time", got)
	}
}
