package kube

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// cluster is an API server with as much behind it as the fleet uses: Deployments whose pods are
// HTTP servers in this process, their EndpointSlices, one for each pod, and Leases.
type cluster struct {
	*httptest.Server
	t testing.TB

	mu          sync.Mutex // guards all below
	version     int
	log         []event // of slices; the version of each is its index + 1
	floor       int     // watches from before this version are gone
	changed     chan struct{}
	deployments map[string]*fakeDeployment
	leases      map[string]map[string]any
	scalers     string // the answer to a list of HorizontalPodAutoscalers
	forbidden   string // what a path has that is answered 403; "" for none
	pending     string // the answer to a list of pods
	looks       int    // at Deployments
	role        *role  // of dynlb; nil: it may do everything
	down        bool   // connections are closed without an answer
	hidden      bool   // lists have no slices
}

// event is one of a watch.
type event struct {
	Type   string `json:"type"`
	Object any    `json:"object"`
}

// fakeDeployment is a Deployment, with a controller that acts at once.
type fakeDeployment struct {
	name       string
	replicas   int
	generation int
	manager    string
	template   string // the annotation
	image      string // and previous is the one before, or ""
	previous   string
	stuck      string // why pods of a new template do not become ready
	slow       bool   // pods of a new template take long
	unready    bool   // new pods do not become ready
	pods       []*fakePod
}

// fakePod is a pod.
type fakePod struct {
	*httptest.Server
	name, uid, template string
	image               string
	cost                int
	ready, gone         bool
}

func newCluster(t testing.TB, deployments ...string) *cluster {
	c := &cluster{
		t: t, changed: make(chan struct{}), deployments: map[string]*fakeDeployment{}, leases: map[string]map[string]any{},
		scalers: `{"items":[]}`, pending: `{"items":[]}`,
	}
	for _, name := range deployments {
		c.deployments[name] = &fakeDeployment{name: name, generation: 1}
	}
	c.Server = httptest.NewServer(c)
	t.Cleanup(func() {
		c.CloseClientConnections()
		c.Close()
		var all []*fakePod
		c.do(func() {
			for _, d := range c.deployments {
				all = append(all, d.pods...)
			}
		})
		for _, p := range all {
			p.Close()
		}
	})
	return c
}

// settings returns those of a fleet of a Deployment.
func (c *cluster) settings(deployment string) Settings {
	return Settings{
		Cluster:       Cluster{Target: Target{Deployment: deployment, Service: deployment, Namespace: "test"}, config: &rest.Config{Host: c.URL}},
		CheckInterval: time.Second, HealthTimeout: 10 * time.Second, DrainTimeout: time.Hour, HealthPath: "/health",
		pace: &pace{
			lease: 15 * time.Second, renew: 10 * time.Second, retry: 20 * time.Millisecond,
			retryMin: 5 * time.Millisecond, retryMax: 20 * time.Millisecond, heartbeat: 100 * time.Millisecond,
			settle: time.Millisecond, busy: 10 * time.Millisecond, calm: 20 * time.Millisecond, review: 10 * time.Millisecond,
		},
	}
}

// do changes the cluster.
func (c *cluster) do(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// ServeHTTP answers the requests of the fleet.
func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	down, forbidden := c.down, c.forbidden != "" && strings.Contains(r.Method+" "+r.URL.Path, c.forbidden)
	c.mu.Unlock()
	switch {
	case down:
		panic(http.ErrAbortHandler)
	case c.role != nil && !c.role.allow(w, r):
	case forbidden:
		c.fail(w, http.StatusForbidden, "Forbidden")
	case strings.Contains(r.URL.Path, "/endpointslices"):
		c.serveSlices(w, r)
	case strings.Contains(r.URL.Path, "/deployments/"):
		c.serveDeployment(w, r)
	case strings.Contains(r.URL.Path, "/leases"):
		c.serveLease(w, r)
	case strings.Contains(r.URL.Path, "/horizontalpodautoscalers"):
		_, _ = io.WriteString(w, c.scalers)
	case strings.HasSuffix(r.URL.Path, "/pods"):
		_, _ = io.WriteString(w, c.pending)
	case strings.Contains(r.URL.Path, "/pods/"):
		c.servePod(w, r)
	default:
		c.fail(w, http.StatusNotFound, "NotFound")
	}
}

func (c *cluster) fail(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Reason: metav1.StatusReason(reason), Code: int32(code), Message: reason,
	})
}

// serveSlices lists and watches slices.
func (c *cluster) serveSlices(w http.ResponseWriter, r *http.Request) {
	_, service, _ := strings.Cut(r.FormValue("labelSelector"), "=")
	w.Header().Set("Content-Type", "application/json")
	c.mu.Lock()
	all := c.slicesLocked(service)
	version, _ := strconv.Atoi(r.FormValue("resourceVersion"))
	if r.FormValue("watch") == "" {
		list := discoveryv1.EndpointSliceList{TypeMeta: metav1.TypeMeta{Kind: "EndpointSliceList", APIVersion: "discovery.k8s.io/v1"}, Items: all}
		list.ResourceVersion = strconv.Itoa(len(c.log))
		c.mu.Unlock()
		_ = json.NewEncoder(w).Encode(list)
		return
	}
	out := json.NewEncoder(w)
	var first []event
	if r.FormValue("sendInitialEvents") == "true" {
		for i := range all {
			first = append(first, event{"ADDED", all[i]})
		}
		end := discoveryv1.EndpointSlice{TypeMeta: all0.TypeMeta}
		end.ResourceVersion, end.Annotations = strconv.Itoa(len(c.log)), map[string]string{metav1.InitialEventsAnnotationKey: "true"}
		first = append(first, event{"BOOKMARK", end})
		version = len(c.log)
	} else if version < c.floor {
		first = append(first, event{"ERROR", metav1.Status{Status: "Failure", Code: http.StatusGone, Reason: metav1.StatusReasonExpired}})
	}
	c.mu.Unlock()
	for _, e := range first {
		_ = out.Encode(e)
	}
	for {
		c.mu.Lock()
		news, changed, down := c.log[min(version, len(c.log)):], c.changed, c.down
		version = len(c.log)
		c.mu.Unlock()
		if down {
			panic(http.ErrAbortHandler)
		}
		for _, e := range news {
			if s := e.Object.(discoveryv1.EndpointSlice); s.Labels[discoveryv1.LabelServiceName] == service {
				_ = out.Encode(e)
			}
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

// all0 has the type of slices.
var all0 = discoveryv1.EndpointSlice{TypeMeta: metav1.TypeMeta{Kind: "EndpointSlice", APIVersion: "discovery.k8s.io/v1"}}

// slicesLocked returns the slices of a Service.
func (c *cluster) slicesLocked(service string) []discoveryv1.EndpointSlice {
	out := []discoveryv1.EndpointSlice{}
	if d := c.deployments[service]; d != nil && !c.hidden {
		for _, p := range d.pods {
			out = append(out, c.sliceLocked(d, p))
		}
	}
	return out
}

func (c *cluster) sliceLocked(d *fakeDeployment, p *fakePod) discoveryv1.EndpointSlice {
	at := netip.MustParseAddrPort(p.Listener.Addr().String())
	s := all0
	s.Name, s.ResourceVersion, s.Labels = p.name, strconv.Itoa(len(c.log)+1), map[string]string{discoveryv1.LabelServiceName: d.name}
	s.AddressType, s.Ports = "IPv4", []discoveryv1.EndpointPort{{Port: new(int32(at.Port()))}}
	s.Endpoints = []discoveryv1.Endpoint{{
		Addresses: []string{at.Addr().String()}, TargetRef: &corev1.ObjectReference{Name: p.name, UID: types.UID(p.uid)},
		Conditions: discoveryv1.EndpointConditions{Serving: new(p.ready), Terminating: new(p.gone)},
	}}
	return s
}

// announceLocked has watches deliver a slice.
func (c *cluster) announceLocked(kind string, d *fakeDeployment, p *fakePod) {
	c.log = append(c.log, event{kind, c.sliceLocked(d, p)})
	close(c.changed)
	c.changed = make(chan struct{})
}

// reconcileLocked does what the controllers and the kubelet do.
func (c *cluster) reconcileLocked(d *fakeDeployment) {
	old := slices.DeleteFunc(slices.Clone(d.pods), func(p *fakePod) bool { return p.gone || p.template == d.template && p.image == d.image })
	for range old { // one more at a time
		if d.stuck != "" || d.slow {
			break
		}
		c.addLocked(d)
	}
	for _, p := range old {
		if d.stuck == "" && !d.slow {
			c.removeLocked(d, p)
		}
	}
	active := slices.DeleteFunc(slices.Clone(d.pods), func(p *fakePod) bool { return p.gone })
	for n := len(active); n < d.replicas; n++ {
		c.addLocked(d)
	}
	slices.SortStableFunc(active, func(a, b *fakePod) int {
		if a.ready != b.ready {
			return map[bool]int{false: -1, true: 1}[a.ready]
		}
		return a.cost - b.cost
	})
	for i := range max(0, len(active)-d.replicas) {
		c.removeLocked(d, active[i])
	}
}

func (c *cluster) addLocked(d *fakeDeployment) {
	p := &fakePod{uid: uuid.NewString(), template: d.template, image: d.image, ready: !d.unready}
	p.name = d.name + "-" + p.uid[:8]
	p.Server = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	d.pods = append(d.pods, p)
	c.announceLocked("ADDED", d, p)
}

// removeLocked terminates a pod, which takes a moment.
func (c *cluster) removeLocked(d *fakeDeployment, p *fakePod) {
	p.gone = true
	c.announceLocked("MODIFIED", d, p)
	time.AfterFunc(20*time.Millisecond, func() {
		p.Close()
		c.mu.Lock()
		defer c.mu.Unlock()
		d.pods = slices.DeleteFunc(d.pods, func(other *fakePod) bool { return other == p })
		c.announceLocked("DELETED", d, p)
	})
}

// String names a pod in messages.
func (p *fakePod) String() string { return fmt.Sprintf("%s ready=%t gone=%t", p.name, p.ready, p.gone) }
