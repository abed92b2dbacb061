package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// begin deploys the app and starts dynlb in front of it.
func (r *run) begin(ctx context.Context, replicas int32, polite bool, settings string) *balancer {
	if err := r.deployWhole(ctx, replicas, polite, func(*corev1.Container) {}); err != nil {
		r.failf("%v", err)
		return nil
	}
	b, err := r.start(ctx, settings)
	if err != nil {
		r.failf("%v", err)
		return nil
	}
	return b
}

// measure sends requests through dynlb while do runs, then the same through the round robin.
func (r *run) measure(ctx context.Context, b *balancer, do func()) {
	time.Sleep(time.Second) // dynlb knows the pods
	got := load(ctx, to(b.url), do)
	r.say("dynlb: %v", got)
	if got.losses() > 0 {
		r.failf("requests were lost; see %s", b.log)
	}
}

func (r *run) compare(ctx context.Context, do func()) {
	if !r.baseline {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := r.roundRobin(ctx)
	time.Sleep(time.Second)
	r.say("baseline: %v", load(ctx, next, do))
}

// must fails the scenario.
func (r *run) must(err error) {
	if err != nil {
		r.failf("%v", err)
	}
}

// fromZeroLimit is how long it may take from the start of a container to the first byte. The
// readiness probe is every 100 ms here. It is generous: the machine may be busy.
const fromZeroLimit = time.Second

// fromZero: a request has a pod started, and waits for it.
func fromZero(ctx context.Context, r *run) {
	b := r.begin(ctx, 0, true, "minInstances: 0\nmaxInstances: 4\nidleTimeout: 2s")
	if b == nil {
		return
	}
	time.Sleep(2 * time.Second)
	for range 3 {
		began := time.Now()
		lost := send(ctx, http.DefaultClient, b.url+"/")
		took := time.Since(began)
		if lost != "" {
			r.failf("from zero: %s", lost)
		}
		for _, p := range r.pods(ctx) {
			log, err := os.Stat(filepath.Join(folder(), "pods", p.Name+".log")) // made when the container is started
			if err != nil {
				r.failf("%v", err)
				continue
			}
			after := began.Add(took).Sub(log.ModTime())
			r.say("first byte after %v, and %v after the container was started", took.Round(time.Millisecond), after.Round(time.Millisecond))
			if after > fromZeroLimit {
				r.failf("more than %v after the start of the container", fromZeroLimit)
			}
		}
		if !await(ctx, time.Minute, func() bool { return r.replicas(ctx) == 0 }) {
			r.failf("not scaled to zero")
		}
		r.awaitPods(ctx, 0)
	}
}

// scaleUpAndDown: 2 -> 10 -> 2.
func scaleUpAndDown(ctx context.Context, r *run) {
	b := r.begin(ctx, 2, true, "minInstances: 2\nmaxInstances: 10")
	if b == nil {
		return
	}
	r.measure(ctx, b, func() {
		for range 2 {
			r.must(b.do(ctx, "scale", "10", "--hold", "10m"))
			r.awaitPods(ctx, 10)
			began := time.Now()
			r.must(b.do(ctx, "scale", "2", "--hold", "10m"))
			if !r.awaitPods(ctx, 2) {
				r.failf("not scaled down: %d ready of %d", len(r.pods(ctx)), r.replicas(ctx))
			}
			r.say("10 -> 2 in %v", time.Since(began).Round(time.Millisecond))
		}
	})
	b.kill()
	r.compare(ctx, func() {
		r.must(r.patch(ctx, `{"spec":{"replicas":10}}`, "scale"))
		r.awaitPods(ctx, 10)
		r.must(r.patch(ctx, `{"spec":{"replicas":2}}`, "scale"))
		r.awaitPods(ctx, 2)
	})
}

// roll replaces all pods, and waits for the end.
func (r *run) roll(ctx context.Context, n int) {
	r.must(r.patch(ctx, `{"spec":{"template":{"metadata":{"annotations":{"version":"`+time.Now().String()+`"}}}}}`))
	time.Sleep(time.Second)
	await(ctx, time.Minute, func() bool {
		d, err := r.client.AppsV1().Deployments(r.namespace).Get(ctx, "app", metav1.GetOptions{})
		return err == nil && d.Status.ObservedGeneration >= d.Generation && int(d.Status.UpdatedReplicas) == n && int(d.Status.Replicas) == n && int(d.Status.AvailableReplicas) == n
	})
	r.awaitPods(ctx, n)
}

func rollingUpdate(ctx context.Context, r *run) { r.rollScenario(ctx, true) }

// rudeRollout: the app has no preStop hook and ends at once at SIGTERM.
func rudeRollout(ctx context.Context, r *run) { r.rollScenario(ctx, false) }

func (r *run) rollScenario(ctx context.Context, polite bool) {
	b := r.begin(ctx, 4, polite, "minInstances: 4\nmaxInstances: 10")
	if b == nil {
		return
	}
	r.measure(ctx, b, func() { r.roll(ctx, 4) })
	b.kill()
	r.compare(ctx, func() { r.roll(ctx, 4) })
}

// restartByCommand: dynlb restart follows a rollout restart to its end.
func restartByCommand(ctx context.Context, r *run) {
	b := r.begin(ctx, 3, true, "minInstances: 3\nmaxInstances: 10")
	if b == nil {
		return
	}
	r.measure(ctx, b, func() { r.must(b.do(ctx, "restart")) })
}

// killPod: a pod's process is killed; then a pod is deleted without grace.
func killPod(ctx context.Context, r *run) {
	b := r.begin(ctx, 4, true, "minInstances: 4\nmaxInstances: 10")
	if b == nil {
		return
	}
	do := func() {
		for range 3 {
			pods := r.pods(ctx)
			if len(pods) == 0 {
				continue
			}
			zero := int64(0)
			r.must(r.client.CoreV1().Pods(r.namespace).Delete(ctx, pods[0].Name, metav1.DeleteOptions{GracePeriodSeconds: &zero}))
			time.Sleep(500 * time.Millisecond)
			if pods = r.pods(ctx); len(pods) > 0 { // the app exits
				_ = send(ctx, http.DefaultClient, "http://"+pods[0].Status.PodIP+":8080/crash")
			}
			time.Sleep(2 * time.Second)
		}
	}
	r.measure(ctx, b, do)
	b.kill()
	r.compare(ctx, do)
}

// loseNode: two pods are unreachable without a word, and no kubelet tells the API server, which
// goes on saying that they are ready.
func loseNode(ctx context.Context, r *run) {
	b := r.begin(ctx, 4, true, "minInstances: 4\nmaxInstances: 10")
	if b == nil {
		return
	}
	do := func() {
		time.Sleep(time.Second)
		r.must(signalKubelet(syscall.SIGSTOP))
		lost := r.pods(ctx)[:2]
		for _, p := range lost {
			r.must(setLink(p.Status.PodIP, "down"))
		}
		time.Sleep(8 * time.Second)
		for _, p := range lost {
			r.must(setLink(p.Status.PodIP, "up"))
		}
		r.must(signalKubelet(syscall.SIGCONT))
	}
	r.measure(ctx, b, do)
	b.kill()
	r.compare(ctx, do)
}

// signalKubelet sends a signal to the kubelet.
func signalKubelet(signal syscall.Signal) error {
	text, err := os.ReadFile(filepath.Join(folder(), "kubelet.pid"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	return syscall.Kill(pid, signal)
}

// setLink connects a pod to its node, or cuts it off.
func setLink(address, state string) error {
	return exec.Command("ip", "link", "set", "veth"+address[strings.LastIndex(address, ".")+1:], state).Run()
}
