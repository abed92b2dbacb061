package daemon_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

func TestServeDemoBackend(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "")
	r.AwaitReady(2)
	code, body := r.Get(r.URL + "/")
	if code != http.StatusOK || !strings.Contains(body, fmt.Sprint(r.BasePort)) {
		t.Errorf("GET /: %d %s", code, body)
	}
}

// TestFirstRequestWaits: a request that arrives before the first instance is ready
// waits for it.
func TestFirstRequestWaits(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, daemontest.Original(t))
	if code, body := r.Get(r.URL + "/"); code != http.StatusOK {
		t.Errorf("GET / right after the start: %d %s", code, body)
	}
}

// TestStatusToTheLetter: /lb-status has exactly its keys, with their types, and zero
// values are present.
func TestStatusToTheLetter(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, daemontest.Original(t))
	r.AwaitReady(2)
	for range 3 {
		if code, _ := r.Get(r.URL + "/"); code != http.StatusOK {
			t.Fatalf("GET /: %d", code)
		}
	}
	for _, base := range []string{r.URL, r.AdminURL} {
		response, err := http.Get(base + "/lb-status")
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if got := response.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("Content-Type %q", got)
		}
		var top map[string]any
		if err := json.Unmarshal(data, &top); err != nil {
			t.Fatalf("%v in %q", err, data)
		}
		if keys := slices.Sorted(maps.Keys(top)); !slices.Equal(keys, []string{"healthy", "instances", "total"}) {
			t.Errorf("keys %v", keys)
		}
		if top["total"] != 2.0 || top["healthy"] != 2.0 {
			t.Errorf("total %v, healthy %v", top["total"], top["healthy"])
		}
		list, _ := top["instances"].([]any)
		total := 0.0
		for i, x := range list {
			in, _ := x.(map[string]any)
			checkInstance(t, in)
			if in["port"] != float64(r.BasePort+i) || in["activeRequests"] != 0.0 || in["healthy"] != true {
				t.Errorf("instance %d: %v", i, in)
			}
			n, _ := in["totalRequests"].(float64)
			total += n
		}
		if len(list) != 2 || total != 3 {
			t.Errorf("%d instances with %v requests in all, want 2 and 3: %s", len(list), total, data)
		}
	}
	for _, path := range []string{"/v1/status", "/v1/scale", "/v1/instances:watch", "/metrics", "/healthz", "/openapi.json"} {
		if code, _ := r.Get(r.URL + path); code != http.StatusNotFound {
			t.Errorf("public %s: %d, want the app's own 404", path, code)
		}
	}
}

// checkInstance checks the keys of an instance in /lb-status, and their types.
func checkInstance(t *testing.T, in map[string]any) {
	t.Helper()
	want := []string{"activeRequests", "healthy", "id", "load", "port", "responseTime", "totalRequests"}
	if keys := slices.Sorted(maps.Keys(in)); !slices.Equal(keys, want) {
		t.Errorf("keys of an instance: %v", keys)
	}
	for key, v := range in {
		switch v.(type) {
		case float64:
		case string:
			if key != "id" {
				t.Errorf("%s is a string", key)
			}
		case bool:
			if key != "healthy" {
				t.Errorf("%s is a boolean", key)
			}
		default:
			t.Errorf("%s is %T", key, v)
		}
	}
}

// TestScaleWithTheLoad: 40 concurrent requests of 200 ms scale the app from 2
// instances to maxInstances. After idleTimeout it is back at 2. No request fails.
func TestScaleWithTheLoad(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, daemontest.Original(t))
	r.AwaitReady(2)
	slow := daemontest.StartLoad(t, 40, r.URL, "/slow?ms=200")
	daemontest.Eventually(t, "5 ready instances", func() bool { return r.Ready() == 5 })
	slow.Stop()
	quick := daemontest.StartLoad(t, 2, r.URL, "/") // while instances drain
	r.AwaitReady(2)
	quick.Stop()
}

func TestScaleTo(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, daemontest.Original(t))
	r.AwaitReady(2)
	four := int32(4)
	begun := time.Now()
	response, err := r.Client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{Target: &four})
	if err != nil || response.GetOldTarget() != 2 || response.GetNewTarget() != 4 {
		t.Fatalf("ScaleTo(4) = %v, %v", response, err)
	}
	r.AwaitReady(4)
	t.Logf("2 to 4 ready instances in %v", time.Since(begun))
	for _, n := range []int32{1, 6, -1} {
		_, err := r.Client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{Target: &n})
		if s := status.Convert(err); s.Code() != codes.InvalidArgument || !strings.Contains(s.Message(), "[2, 5]") {
			t.Errorf("ScaleTo(%d): %v", n, err)
		}
	}
	if got := r.Pool().GetTarget(); got > 4 {
		t.Errorf("target %d after failed calls", got)
	}
}

// TestWatch follows a scale-up through a generated client.
func TestWatch(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, daemontest.Original(t))
	r.AwaitReady(2)
	ctx, cancel := context.WithTimeout(t.Context(), daemontest.Within)
	defer cancel()
	stream, err := r.Client.WatchInstances(ctx, &dynlbv1.WatchInstancesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if len(first.GetPool().GetInstances()) != 2 || len(first.GetEvents()) != 0 {
		t.Errorf("first message: %v", first)
	}
	three := int32(3)
	if _, err := r.Client.ScaleTo(ctx, &dynlbv1.ScaleToRequest{Target: &three}); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for ready := 2; ready < 3; {
		m, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		ready = 0
		for _, in := range m.GetPool().GetInstances() {
			if in.GetState() == dynlbv1.InstanceState_INSTANCE_STATE_READY {
				ready++
			}
		}
		for _, e := range m.GetEvents() {
			seen = append(seen, strings.TrimPrefix(e.GetType().String(), "EVENT_TYPE_"))
			if e.GetType() == dynlbv1.EventType_EVENT_TYPE_SCALED && !strings.Contains(e.GetReason(), "2 -> 3") {
				t.Errorf("reason %q", e.GetReason())
			}
		}
	}
	if want := []string{"SCALED", "STARTING", "READY"}; !slices.Equal(seen, want) {
		t.Errorf("events %v, want %v", seen, want)
	}
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
	for {
		if _, err := stream.Recv(); err != nil {
			if status.Code(err) != codes.Unavailable {
				t.Errorf("the watch ended with %v", err)
			}
			return
		}
	}
}

// TestInstanceKilled: an instance that is killed under load is replaced, and no
// repeatable request fails.
func TestInstanceKilled(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, daemontest.Original(t))
	r.AwaitReady(2)
	victim := r.PIDs()[0]
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if code, body := r.Get(r.URL + "/"); code != http.StatusOK {
			t.Errorf("GET /: %d %s", code, body)
		}
	}
	daemontest.Eventually(t, "2 ready instances without the victim", func() bool {
		return r.Ready() == 2 && !slices.Contains(r.PIDs(), victim)
	})
	pool := r.Pool()
	if pool.GetRestarts() != 1 || pool.GetLastExit().GetReason() != "signal: killed" {
		t.Errorf("restarts %d, last exit %v", pool.GetRestarts(), pool.GetLastExit())
	}
}

// TestNothingToStart: when the app cannot be started, the status and the responses to
// clients say what is missing, and dynlb keeps running.
func TestNothingToStart(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	r := daemontest.Start(t, fmt.Sprintf("location: %s\nqueue: {timeout: 100ms}\n", daemontest.BunApp(t)))
	daemontest.Eventually(t, "the reason in the status", func() bool { return r.Pool().GetUnavailableReason() != "" })
	const want = "bun: not found on PATH; npm install -g --allow-scripts=bun bun, or set command in the config"
	if got := r.Pool().GetUnavailableReason(); got != want {
		t.Errorf("unavailable: %q, want %q", got, want)
	}
	response, err := http.Get(r.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), want) || response.Header.Get("Retry-After") == "" {
		t.Errorf("GET /: %d %v %s", response.StatusCode, response.Header, body)
	}
	if code, body := r.Get(r.URL + "/lb-status"); code != http.StatusOK || !strings.Contains(body, `"healthy":0`) {
		t.Errorf("GET /lb-status: %d %s", code, body)
	}
}

// TestOpenAPIIsServed: the admin listener serves its own description.
func TestOpenAPIIsServed(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "")
	code, body := r.Get(r.AdminURL + "/openapi.json")
	if code != http.StatusOK || !strings.Contains(body, `"/v1/scale"`) {
		t.Errorf("GET /openapi.json: %d %s", code, body)
	}
}
