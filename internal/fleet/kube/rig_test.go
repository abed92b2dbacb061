package kube

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// limit bounds each wait. Only a test that fails reaches it.
const limit = 30 * time.Second

// rig is a fleet of a Deployment "app" of a cluster.
type rig struct {
	*Fleet
	t       testing.TB
	cluster *cluster
	app     *fakeDeployment
	reg     *registry.Registry
	log     *logBuffer
}

// newRig returns a fleet that runs until the test ends. prepare may change the cluster and the
// settings before; nil: it does not.
func newRig(t *testing.T, prepare func(c *cluster, s *Settings)) *rig {
	t.Helper()
	c := newCluster(t, "app")
	s := c.settings("app")
	if prepare != nil {
		prepare(c, &s)
	}
	return startRig(t, c, s)
}

// startRig runs a fleet in front of a cluster.
func startRig(t *testing.T, c *cluster, s Settings) *rig {
	t.Helper()
	r := prepareRig(t, c, s)
	r.start(t)
	return r
}

// prepareRig returns a fleet in front of a cluster that does not run yet.
func prepareRig(t *testing.T, c *cluster, s Settings) *rig {
	t.Helper()
	reg := registry.New(registry.Options{QueueLimit: 100, QueueTimeout: limit, Remote: true})
	r := &rig{t: t, cluster: c, app: c.deployments["app"], reg: reg, log: &logBuffer{}}
	r.Fleet = New(fleet.Options{Registry: reg, Board: notice.New(reg), Log: slog.New(slog.NewTextHandler(r.log, nil))}, s)
	return r
}

// start runs the fleet until the test ends.
func (r *rig) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { // ends with its context, below
		defer close(done)
		r.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// await waits until ok returns true.
func (r *rig) await(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(limit); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s := r.reg.Snapshot()
			r.t.Fatalf("no %s within %v: %+v\n%s", what, limit, s.Instances, r.log)
		}
	}
}

// states returns the number of instances in a state, and of all.
func (r *rig) states(of registry.State) (n, all int) {
	s := r.reg.Snapshot()
	return s.Count(of), len(s.Instances)
}

// awaitReady waits until n instances are ready, and no others exist.
func (r *rig) awaitReady(n int) {
	r.t.Helper()
	r.await("ready instances", func() bool {
		ready, all := r.states(registry.Ready)
		return ready == n && all == n
	})
}

// pod returns one of the pods.
func (r *rig) pod(i int) *fakePod {
	r.cluster.mu.Lock()
	defer r.cluster.mu.Unlock()
	return r.app.pods[i]
}

// replicas returns how many there are to be.
func (r *rig) replicas() int {
	r.cluster.mu.Lock()
	defer r.cluster.mu.Unlock()
	return r.app.replicas
}

// awaitLooks waits until stewards have looked at their Deployments a few more times.
func (r *rig) awaitLooks() {
	r.t.Helper()
	looks := func() (n int) {
		r.cluster.do(func() { n = r.cluster.looks })
		return n
	}
	begin := looks()
	r.await("looks at the Deployment", func() bool { return looks() >= begin+10 })
}

// scaledBy has another client set the replicas.
func (c *cluster) scaledBy(manager string, d *fakeDeployment, n int) {
	c.do(func() {
		d.replicas, d.manager = n, manager
		d.generation++
		c.reconcileLocked(d)
	})
}

// set changes what a pod says of itself.
func (r *rig) set(p *fakePod, change func()) {
	r.cluster.do(func() {
		change()
		r.cluster.announceLocked("MODIFIED", r.app, p)
	})
}

// outage begins or ends an outage of the API server, which forgets its history.
func (r *rig) outage(down bool) {
	r.cluster.do(func() {
		r.cluster.down = down
		r.cluster.floor = len(r.cluster.log) + 1 // watches from before are gone
		close(r.cluster.changed)
		r.cluster.changed = make(chan struct{})
	})
}

// logBuffer is a log that is safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text []byte
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p...)
	return len(p), nil
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}
