package main

import (
	"net/http"
	"runtime"
	"testing"
)

// TestPeersDoTheSameWork starts every installed peer over one origin and looks
// at what arrives there.
func TestPeersDoTheSameWork(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the benchmark runs on Linux only")
	}
	for name, p := range map[string]peer{
		"bare":    {start: startBare},
		"nginx":   {start: startNginx},
		"haproxy": {start: startHAProxy},
		"caddy":   {start: startCaddy},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "bare" {
				if _, err := installed(name); err != nil {
					t.Skip(err)
				}
			}
			runtime.LockOSThread() // see main
			defer runtime.UnlockOSThread()
			t.Setenv("GORACE", "atexit_sleep_ms=0")

			arrived := make(chan *http.Request, 100)
			origin := serve(t, func(w http.ResponseWriter, r *http.Request) {
				arrived <- r
				_, _ = w.Write([]byte(originBody))
			})
			s, err := newSite("", false)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.close(); err != nil {
					t.Error(err)
				}
			})
			s.origins = []string{origin.Listener.Addr().String()}
			to, err := p.start(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			if to.version == "" {
				t.Error("no version")
			}
			if clock, err := newGroupClock(to.group); err != nil || len(clock.pids) == 0 {
				t.Errorf("CPU time: %v, %v", clock.pids, err)
			}
			body, err := get(t.Context(), s.url(to.addrs[0], "/"))
			if err != nil || string(body) != originBody {
				t.Errorf("got %q, %v", body, err)
			}
			r := <-arrived
			if r.Host != to.addrs[0] {
				t.Errorf("Host %q, want the client's, %q", r.Host, to.addrs[0])
			}
			if r.ProtoMinor != 1 || r.Close {
				t.Errorf("protocol %s, close %v; want a connection that is kept", r.Proto, r.Close)
			}
			for header, want := range map[string]string{
				"X-Forwarded-For":   "127.0.0.1",
				"X-Forwarded-Host":  to.addrs[0],
				"X-Forwarded-Proto": "http",
			} {
				if got := r.Header.Values(header); len(got) != 1 || got[0] != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
		})
	}
}
