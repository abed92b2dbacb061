package registry

import "testing"

func TestEndpointString(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		endpoint Endpoint
		want     string
	}{
		{TCP("127.0.0.1", 5001), "127.0.0.1:5001"},
		{TCP("::1", 5001), "[::1]:5001"},
		{Endpoint{Network: "unix", Address: "/run/app.sock"}, "unix:/run/app.sock"},
		{Endpoint{}, ""},
	} {
		if got := tt.endpoint.String(); got != tt.want {
			t.Errorf("%#v: %q, want %q", tt.endpoint, got, tt.want)
		}
	}
}

func TestEndpointHost(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[Endpoint]string{
		TCP("::1", 5001): "[::1]:5001",
		{Network: "unix", Address: "/run/app.sock"}: "localhost",
	} {
		if got := endpoint.Host(); got != want {
			t.Errorf("%v: %q, want %q", endpoint, got, want)
		}
	}
}
