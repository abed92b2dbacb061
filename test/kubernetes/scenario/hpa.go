package main

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// stepP95 is the response time that counts as good.
	stepP95 = 250 * time.Millisecond
	// stepPart is by how much dynlb must be faster: 1/stepPart of the time of the autoscaler.
	stepPart = 10
	// hpaTarget is the utilization that the autoscaler aims at, in percent, as most guides have
	// it.
	hpaTarget = 60
	// calm is how long all must be good until that counts.
	calm = 5 * time.Second
)

// stepLoad: the load rises at once from nothing to what six pods can do, with one pod there. How
// long is it until 95 % of the requests take less than stepP95, by dynlb with its defaults, and by
// a HorizontalPodAutoscaler with the defaults of Kubernetes behind a round robin?
func stepLoad(ctx context.Context, r *run) {
	if err := r.deployWhole(ctx, 1, true, slotted); err != nil {
		r.failf("%v", err)
		return
	}
	b, err := r.start(ctx, "minInstances: 1\nmaxInstances: 20")
	if err != nil {
		r.failf("%v", err)
		return
	}
	time.Sleep(2 * time.Second)
	ours := r.stepTime(ctx, to(b.url), time.Minute)
	r.say("dynlb: p95 below %v after %v, with %d pods", stepP95, ours, r.replicas(ctx))
	b.kill()
	r.must(r.patch(ctx, `{"spec":{"replicas":1}}`, "scale"))
	r.awaitPods(ctx, 1)
	if err := r.autoscale(ctx); err != nil {
		r.failf("%v", err)
		return
	}
	followed, cancel := context.WithCancel(ctx)
	defer cancel()
	next := r.roundRobin(followed)
	theirs := r.stepTime(ctx, next, 4*time.Minute)
	r.say("baseline: p95 below %v after %v, with %d pods", stepP95, theirs, r.replicas(ctx))
	if ours > theirs/stepPart {
		r.failf("dynlb takes %v, more than 1/%d of %v", ours, stepPart, theirs)
	}
}

// autoscale creates a HorizontalPodAutoscaler, and waits until it has seen the pod.
func (w *world) autoscale(ctx context.Context) error {
	h := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: "app"}, Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "app"},
		MinReplicas:    new(int32(1)), MaxReplicas: 20,
		Metrics: []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
			Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: new(int32(hpaTarget))},
		}}},
	}}
	all := w.client.AutoscalingV2().HorizontalPodAutoscalers(w.namespace)
	if _, err := all.Create(ctx, h, metav1.CreateOptions{}); err != nil {
		return err
	}
	seen := func() bool {
		now, err := all.Get(ctx, "app", metav1.GetOptions{})
		return err == nil && len(now.Status.CurrentMetrics) > 0 && now.Status.CurrentMetrics[0].Resource != nil &&
			now.Status.CurrentMetrics[0].Resource.Current.AverageUtilization != nil
	}
	if !await(ctx, 2*time.Minute, seen) {
		return errors.New("the HorizontalPodAutoscaler has no metrics")
	}
	return nil
}

// stepTime sends the load at once, and returns when the responses became good and stayed so; the
// limit if they did not.
func (w *world) stepTime(ctx context.Context, next func() string, limit time.Duration) time.Duration {
	client := newClient(5 * time.Second)
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	seconds := map[int][]time.Duration{} // response times, by the second in which the request began
	began := time.Now()
	end, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	var requests sync.WaitGroup
	good := func() (time.Duration, bool) {
		mu.Lock()
		defer mu.Unlock()
		return goodSince(seconds, int(time.Since(began)/time.Second))
	}
	for {
		select {
		case <-end.Done():
			requests.Wait()
			return limit
		case <-tick.C:
		}
		if since, ok := good(); ok {
			requests.Wait()
			return since
		}
		requests.Go(func() {
			sent := time.Now()
			took := client.Timeout
			if send(ctx, client, next()+"/?ms=20") == "" {
				took = time.Since(sent)
			}
			mu.Lock()
			defer mu.Unlock()
			second := int(sent.Sub(began) / time.Second)
			seconds[second] = append(seconds[second], took)
		})
	}
}

// goodSince returns since when each second was good, if that is long enough. The second that is
// now and the one before it do not count: their requests may be under way.
func goodSince(seconds map[int][]time.Duration, now int) (time.Duration, bool) {
	first := now - 1
	for first > 0 && goodSecond(seconds[first-1]) {
		first--
	}
	since := time.Duration(first) * time.Second
	return since, time.Duration(now-1-first)*time.Second >= calm
}

// goodSecond reports whether nearly all requests of a second have had their responses in time.
func goodSecond(took []time.Duration) bool {
	if len(took) < rate/2 { // the others have no response yet
		return false
	}
	slices.Sort(took)
	return took[len(took)*95/100] < stepP95
}

// slotted has the container of the app work at one request at a time, with the CPU that this
// takes. With 20 ms for each, it can do 50 a second, so the load needs 6 pods.
func slotted(c *corev1.Container) {
	c.Env = append(c.Env, corev1.EnvVar{Name: "SLOTS", Value: "1"})
	c.Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}
}
