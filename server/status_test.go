package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

func TestLbStatusToTheLetter(t *testing.T) {
	t.Parallel()
	p := start(t)
	public := httptest.NewServer(p.StatusHandler())
	defer public.Close()
	check := func(want string) {
		t.Helper()
		for _, base := range []string{p.base, public.URL} {
			resp, body := (&plane{base: base, web: p.web}).do(t, "GET", "/lb-status", "")
			if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %s, %v", base, resp.Status, resp.Header)
			}
			if body != want {
				t.Errorf("%s/lb-status\n got %s\nwant %s", base, body, want)
			}
		}
	}
	check(`{"total":0,"healthy":0,"instances":[]}`)

	first := p.add(t, 5001, registry.Ready)
	for range 9 {
		lease, err := p.registry.Acquire(t.Context(), registry.Preference{})
		if err != nil {
			t.Fatal(err)
		}
		lease.Release()
	}
	lease, err := p.registry.Acquire(t.Context(), registry.Preference{})
	if err != nil {
		t.Fatal(err)
	}
	lease.Responded(87_660*time.Microsecond, 200)
	second := p.add(t, 5002)
	third := p.add(t, 5003, registry.Ready, registry.Draining)
	check(fmt.Sprintf(`{"total":3,"healthy":1,"instances":[`+
		`{"id":%q,"port":5001,"healthy":true,"activeRequests":1,"totalRequests":10,"responseTime":87.7,"load":1},`+
		`{"id":%q,"port":5002,"healthy":false,"activeRequests":0,"totalRequests":0,"responseTime":0,"load":0},`+
		`{"id":%q,"port":5003,"healthy":false,"activeRequests":0,"totalRequests":0,"responseTime":0,"load":0}]}`,
		first, second, third))
}

func TestLbStatusNumbers(t *testing.T) {
	t.Parallel()
	now := notice.Snapshot{}
	now.Instances = []registry.Instance{{
		ID: "a", Port: 65535, State: registry.Ready, InFlight: 7, Total: 1<<32 + 5,
		ResponseTime: 123*time.Millisecond + 449*time.Microsecond, Load: 7.0234,
	}}
	ejected := notice.Snapshot{}
	ejected.Instances = []registry.Instance{{ID: "b", State: registry.Ready, EjectedUntil: time.Unix(200, 0)}}
	if got := lbStatusOf(&ejected); got.GetHealthy() != 0 || got.GetInstances()[0].GetHealthy() {
		t.Errorf("an ejected instance is healthy: %v", got)
	}
	if got := poolOf("default", &ejected).GetInstances()[0]; got.GetEjectedUntil().GetSeconds() != 200 {
		t.Errorf("ejected until %v", got.GetEjectedUntil())
	}
	got, err := newJSON().Marshal(lbStatusOf(&now))
	want := `{"total":1,"healthy":1,"instances":[{"id":"a","port":65535,"healthy":true,` +
		`"activeRequests":7,"totalRequests":4294967301,"responseTime":123.4,"load":7.02}]}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

func TestLbStatusHead(t *testing.T) {
	t.Parallel()
	p := start(t)
	resp, body := p.do(t, "HEAD", "/lb-status", "")
	if resp.StatusCode != http.StatusOK || body != "" || resp.ContentLength != int64(len(`{"total":0,"healthy":0,"instances":[]}`)) {
		t.Errorf("HEAD /lb-status: %s, body %q, length %d", resp.Status, body, resp.ContentLength)
	}
}

// TestStatusHandlerServesNothingElse: the public listener serves /lb-status and no
// other path of the control plane.
func TestStatusHandlerServesNothingElse(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.base = "http://public"
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/lb-status", 200},
		{"GET", "/lb-status?x=y", 200},
		{"HEAD", "/lb-status", 200},
		{"POST", "/lb-status", 405},
		{"DELETE", "/lb-status", 405},
		{"OPTIONS", "/lb-status", 405},
		{"GET", "/lb-status/", 404},
		{"GET", "//lb-status", 404},
		{"GET", "/", 404},
		{"GET", "/v1/status", 404},
		{"POST", "/v1/scale", 404},
		{"GET", "/v1/instances:watch", 404},
		{"GET", "/metrics", 404},
	} {
		req := httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, http.NoBody)
		req.Header.Set("X-HTTP-Method-Override", "POST")
		req.Header.Set("Grpc-Timeout", "nonsense")
		rec := httptest.NewRecorder()
		p.StatusHandler().ServeHTTP(rec, req)
		if rec.Code != tt.want {
			t.Errorf("%s %s: %d %s, want %d", tt.method, tt.path, rec.Code, rec.Body, tt.want)
		}
		if rec.Code == http.StatusMethodNotAllowed && rec.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s %s: Allow is %q", tt.method, tt.path, rec.Header().Get("Allow"))
		}
		for name := range rec.Header() {
			if name != "Content-Type" && name != "Cache-Control" && name != "Allow" && name != "X-Content-Type-Options" {
				t.Errorf("%s %s: header %s", tt.method, tt.path, name)
			}
		}
	}
}

// TestStatusHandlerWaitsForServe: requests that arrive before Serve wait for it.
func TestStatusHandlerWaitsForServe(t *testing.T) {
	t.Parallel()
	apps := []App{newApp("default").app()}
	s, err := New(Options{Apps: apps, Metrics: NewMetrics(apps)})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	answered := make(chan struct{})
	go func() {
		s.StatusHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/lb-status", http.NoBody))
		close(answered)
	}()
	served := make(chan error)
	go func() { served <- s.Serve(listen(t), listen(t)) }()
	<-answered
	if rec.Code != http.StatusOK {
		t.Errorf("status is %d %s", rec.Code, rec.Body)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}

	rec = httptest.NewRecorder()
	s.StatusHandler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/lb-status", http.NoBody))
	if want := `{"code":14,"message":"shutting down","details":[]}`; rec.Code != http.StatusServiceUnavailable || rec.Body.String() != want {
		t.Errorf("after Shutdown: %d %s, want 503 %s", rec.Code, rec.Body, want)
	}
}

func TestGetStatus(t *testing.T) {
	t.Parallel()
	p := start(t)
	id := p.add(t, 5001, registry.Ready)
	p.board.SetLastExit(notice.Exit{ID: id, Time: time.Now(), Reason: "exit status 1", Output: []string{"caf\xe9"}})
	p.board.SetTrouble("no such file: \xff")
	p.board.SetReload(nil)
	p.board.SetReload(errors.New("config.yaml:3: bad"))
	if err := p.registry.SetUsage(id, registry.Usage{Memory: 4096, CPU: time.Second}); err != nil {
		t.Fatal(err)
	}
	resp, err := p.client.GetStatus(t.Context(), &dynlbv1.GetStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	pool := resp.GetPool()
	if resp.GetLbStatus().GetTotal() != 1 || pool.GetTarget() != 2 || pool.GetMinInstances() != 2 || pool.GetMaxInstances() != 8 {
		t.Errorf("status is %v", resp)
	}
	if pool.GetUnavailableReason() != "no such file: \uFFFD" || pool.GetLastExit().GetOutput()[0] != "caf\uFFFD" {
		t.Errorf("text that is not UTF-8 came as %q", pool)
	}
	if pool.GetConfigError() != "config.yaml:3: bad" || pool.GetConfigLoadTime() == nil {
		t.Errorf("the config is %q, %v", pool.GetConfigError(), pool.GetConfigLoadTime())
	}
	in := pool.GetInstances()[0]
	if in.GetMemoryBytes() != 4096 || in.GetCpuTime().AsDuration() != time.Second || in.GetCpuCores() <= 0 {
		t.Errorf("usage is %v", in)
	}
	if in.GetState() != dynlbv1.InstanceState_INSTANCE_STATE_READY || in.GetAddress() != "127.0.0.1:5001" ||
		in.GetHandle() != "pid 1" || in.GetStateReason() != "test" || in.GetStartTime() == nil || in.GetReadyTime() == nil {
		t.Errorf("instance is %v", in)
	}
}

func TestPoolOmitsWhatIsUnset(t *testing.T) {
	t.Parallel()
	now := notice.Snapshot{
		Snapshot: registry.Snapshot{
			Time:      time.Unix(100, 0),
			Instances: []registry.Instance{{ID: "a", State: registry.Starting}},
		},
		Report: notice.Report{HoldUntil: time.Unix(100, 0)},
	}
	pool := poolOf("default", &now)
	if pool.GetHoldUntil() != nil || pool.GetLastExit() != nil || pool.GetInstances()[0].GetReadyTime() != nil {
		t.Errorf("pool is %v; want no hold, no last exit and no ready time", pool)
	}
	now.Brake = "memory"
	if got := poolOf("default", &now).GetBrake(); got != "memory" || typeOf(notice.Braked) != dynlbv1.EventType_EVENT_TYPE_BRAKED {
		t.Errorf("the brake is %q", got)
	}
	now.HoldUntil = time.Unix(101, 0)
	if got := poolOf("default", &now).GetHoldUntil().GetSeconds(); got != 101 {
		t.Errorf("hold is until %d, want 101", got)
	}
}

// typeOf returns the type of an event as it is sent.
func typeOf(t notice.EventType) dynlbv1.EventType {
	return eventsOf("", []notice.Event{{Type: t}})[0].GetType()
}

// TestBrakeOfTheFleet: what keeps the number from following the load is reported, whatever it is.
func TestBrakeOfTheFleet(t *testing.T) {
	t.Parallel()
	var now notice.Snapshot
	now.Time = time.Now()
	now.Steering.By = "argocd"
	if got := brakeOf(&now); got != "another process sets the number of instances: argocd" {
		t.Errorf("steered: %q", got)
	}
	now.Picture = notice.Picture{Confirmed: now.Time.Add(-90 * time.Second), Error: "refused"}
	if got := brakeOf(&now); got != "the fleet was last confirmed 1m30s ago, requests go to the instances that answer: refused" {
		t.Errorf("stale: %q", got)
	}
	now.Brake = "memory"
	if got := brakeOf(&now); got != "memory" {
		t.Errorf("brake: %q", got)
	}
}
