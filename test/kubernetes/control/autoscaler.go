package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
)

// The defaults of kube-controller-manager.
const (
	hpaSync           = 15 * time.Second
	hpaStabilization  = 5 * time.Minute
	hpaTolerance      = 0.1
	hpaInitialization = 5 * time.Minute
	hpaReadiness      = 30 * time.Second
	hpaWorkers        = 5
)

// newAutoscaler returns the controller of HorizontalPodAutoscalers, set up as
// kube-controller-manager does it, over a stand-in for metrics-server.
func newAutoscaler(ctx context.Context, config *rest.Config, client kubernetes.Interface, f informers.SharedInformerFactory) (*podautoscaler.HorizontalController, *meter, error) {
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	scales, err := scale.NewForConfig(config, mapper, dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(client.Discovery()))
	if err != nil {
		return nil, nil, fmt.Errorf("create scale client: %w", err)
	}
	hpas, pods := f.Autoscaling().V2().HorizontalPodAutoscalers(), f.Core().V1().Pods()
	m := &meter{
		pods: pods.Lister(), samples: map[string]sample{},
		any: func() bool {
			all, err := hpas.Lister().List(labels.Everything())
			return err == nil && len(all) > 0
		},
	}
	c := podautoscaler.NewHorizontalController(ctx, client.CoreV1(), scales, client.AutoscalingV2(), mapper, m, hpas, pods,
		hpaSync, hpaStabilization, hpaTolerance, hpaInitialization, hpaReadiness)
	return c, m, nil
}

// meter stands in for metrics-server: it asks each pod at its interval how long it was busy. That
// is the processor time of an app that computes; the test app sleeps.
type meter struct {
	pods listers.PodLister
	any  func() bool // whether there is an autoscaler

	mu      sync.Mutex // guards all below
	samples map[string]sample
}

// meterInterval is the default of metrics-server.
const meterInterval = 15 * time.Second

// sample is what is known of a pod.
type sample struct {
	at     time.Time
	busy   time.Duration
	window time.Duration // zero: there is one sample only
	milli  int64         // thousandths of a processor within it
}

// run measures until ctx ends.
func (m *meter) run(ctx context.Context) {
	tick := time.NewTicker(meterInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		all, err := m.pods.List(labels.Everything())
		if err != nil || !m.any() {
			continue
		}
		var asked sync.WaitGroup
		for _, p := range all {
			if p.Status.PodIP != "" && p.DeletionTimestamp == nil {
				asked.Go(func() { m.measure(ctx, p) })
			}
		}
		asked.Wait()
	}
}

// measure takes a sample of a pod; one that does not answer has none.
func (m *meter) measure(ctx context.Context, p *corev1.Pod) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Status.PodIP+":8080/busy", nil)
	if err != nil {
		return
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	busy, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return
	}
	now := sample{at: time.Now(), busy: time.Duration(busy)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if last, ok := m.samples[string(p.UID)]; ok {
		now.window = now.at.Sub(last.at)
		now.milli = int64(1000 * (now.busy - last.busy) / max(1, now.window))
	}
	m.samples[string(p.UID)] = now
}

// GetResourceMetric implements metrics.MetricsClient.
func (m *meter) GetResourceMetric(_ context.Context, resource corev1.ResourceName, namespace string, selector labels.Selector, _ string) (metrics.PodMetricsInfo, time.Time, error) {
	all, err := m.pods.Pods(namespace).List(selector)
	if err != nil || resource != corev1.ResourceCPU {
		return nil, time.Time{}, fmt.Errorf("no metric %s: %w", resource, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out, oldest := metrics.PodMetricsInfo{}, time.Now()
	for _, p := range all {
		if s := m.samples[string(p.UID)]; s.window > 0 {
			out[p.Name] = metrics.PodMetric{Timestamp: s.at, Window: s.window, Value: s.milli}
			if s.at.Before(oldest) {
				oldest = s.at
			}
		}
	}
	if len(out) == 0 {
		return nil, time.Time{}, fmt.Errorf("no metrics yet of the pods %s", selector)
	}
	return out, oldest, nil
}

var errNoMetric = errors.New("only metrics of resources are known")

// GetRawMetric implements metrics.MetricsClient.
func (*meter) GetRawMetric(string, string, labels.Selector, labels.Selector) (metrics.PodMetricsInfo, time.Time, error) {
	return nil, time.Time{}, errNoMetric
}

// GetObjectMetric implements metrics.MetricsClient.
func (*meter) GetObjectMetric(string, string, *autoscalingv2.CrossVersionObjectReference, labels.Selector) (int64, time.Time, error) {
	return 0, time.Time{}, errNoMetric
}

// GetExternalMetric implements metrics.MetricsClient.
func (*meter) GetExternalMetric(string, string, labels.Selector) ([]int64, time.Time, error) {
	return nil, time.Time{}, errNoMetric
}
