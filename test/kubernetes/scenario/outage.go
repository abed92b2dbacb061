package main

import (
	"context"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// loseAPIServer: the API server is away for 60 s; a pod dies meanwhile.
func loseAPIServer(ctx context.Context, r *run) {
	b := r.begin(ctx, 4, true, "minInstances: 4\nmaxInstances: 10")
	if b == nil {
		return
	}
	r.measure(ctx, b, func() {
		victim := r.pods(ctx)[0].Status.PodIP
		r.must(control("stop", "apiserver"))
		time.Sleep(20 * time.Second)
		_ = send(ctx, http.DefaultClient, "http://"+victim+":8080/crash")
		time.Sleep(40 * time.Second)
		r.must(control("restart"))
		began := time.Now()
		r.must(b.do(ctx, "scale", "6", "--hold", "10m"))
		// The controllers of Kubernetes need a minute or more to carry it out: their informers are slower.
		if !await(ctx, 20*time.Second, func() bool { return r.replicas(ctx) == 6 }) {
			r.failf("not scaled after the outage")
		}
		r.say("scaled %v after the API server was back", time.Since(began).Round(time.Millisecond))
	})
}

// orderAfterOutage: the API server is away for longer than a Lease lasts. An order that is given
// while it starts, or in the first second after, is carried out.
func orderAfterOutage(ctx context.Context, r *run) {
	b := r.begin(ctx, 2, true, "minInstances: 2\nmaxInstances: 10")
	if b == nil {
		return
	}
	if !await(ctx, 10*time.Second, func() bool { return b.do(ctx, "scale", "2", "--hold", "10m") == nil }) {
		r.failf("cannot scale")
	}
	for i, after := range []time.Duration{0, 300 * time.Millisecond, time.Second} {
		want := 3 + i
		r.must(control("stop", "apiserver"))
		time.Sleep(17 * time.Second)
		if i == 0 { // before it answers
			r.must(control("start", "apiserver"))
		} else {
			r.must(control("restart"))
		}
		time.Sleep(after)
		began := time.Now()
		if err := b.do(ctx, "scale", strconv.Itoa(want), "--hold", "10m"); err != nil {
			r.failf("order %d: %v", want, err)
			continue
		}
		if !await(ctx, 40*time.Second, func() bool { return r.replicas(ctx) == want }) {
			r.failf("the order of %d was lost: %d replicas; see %s", want, r.replicas(ctx), b.log)
		}
		r.say("carried out %v after an order %v after the outage", time.Since(began).Round(time.Millisecond), after)
	}
}

// restartEtcd: the store of the cluster is killed and started again.
func restartEtcd(ctx context.Context, r *run) {
	b := r.begin(ctx, 3, true, "minInstances: 3\nmaxInstances: 10")
	if b == nil {
		return
	}
	r.measure(ctx, b, func() {
		r.must(control("stop", "etcd"))
		time.Sleep(5 * time.Second)
		r.must(control("start", "etcd"))
		began := time.Now()
		if !await(ctx, 30*time.Second, func() bool { return b.do(ctx, "scale", "4", "--hold", "10m") == nil && r.replicas(ctx) == 4 }) {
			r.failf("not scaled after etcd was restarted")
		}
		r.say("scaled %v after the start of etcd", time.Since(began).Round(time.Millisecond))
	})
}

// killLeader: of two dynlbs, the one that holds the Lease is killed; the other one takes over.
func killLeader(ctx context.Context, r *run) {
	first := r.begin(ctx, 2, true, "minInstances: 2\nmaxInstances: 10")
	if first == nil {
		return
	}
	await(ctx, 10*time.Second, func() bool { return first.do(ctx, "scale", "3", "--hold", "10m") == nil })
	second, err := r.start(ctx, "minInstances: 2\nmaxInstances: 10")
	if err != nil {
		r.failf("%v", err)
		return
	}
	if second.do(ctx, "scale", "9") == nil {
		r.failf("a dynlb without the Lease scaled")
	}
	r.measure(ctx, second, func() {
		_ = first.cmd.Process.Signal(syscall.SIGKILL)
		began := time.Now()
		if !await(ctx, 40*time.Second, func() bool { return second.do(ctx, "scale", "5", "--hold", "10m") == nil }) {
			r.failf("the other dynlb does not take over")
		}
		r.say("the other dynlb scales %v after the kill", time.Since(began).Round(100*time.Millisecond))
		if r.replicas(ctx) < 3 {
			r.failf("the new leader scaled down: %d", r.replicas(ctx))
		}
		r.awaitPods(ctx, 5)
	})
}

// refuseRival: dynlb leaves a Deployment alone that something else scales.
func refuseRival(ctx context.Context, r *run) {
	b := r.begin(ctx, 2, true, "minInstances: 2\nmaxInstances: 10")
	if b == nil {
		return
	}
	if !await(ctx, 10*time.Second, func() bool { return b.do(ctx, "scale", "3", "--hold", "10m") == nil }) {
		r.failf("cannot scale")
	}
	r.awaitPods(ctx, 3)
	r.must(r.patch(ctx, `{"spec":{"replicas":5}}`, "scale"))
	if !await(ctx, 15*time.Second, func() bool { return b.do(ctx, "scale", "4") != nil }) {
		r.failf("dynlb does not notice that something else scales")
	}
	time.Sleep(time.Second)
	if n := r.replicas(ctx); n != 5 {
		r.failf("%d replicas, want the 5 of the rival", n)
	}
	r.say("%v", b.do(ctx, "scale", "4"))
}
