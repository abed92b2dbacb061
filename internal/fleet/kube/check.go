package kube

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/dynlb/dynlb/internal/fleet/probe"
	"github.com/dynlb/dynlb/internal/registry"
)

// unhealthyAfter is how many checks in a row must fail before a pod gets no more requests, as
// in the local fleet.
const unhealthyAfter = 2

// needsCheck reports whether the pod is to be checked: it gets requests or may soon, or it is
// not listed and has requests of which it must be known whether they can still be answered.
func (p *pod) needsCheck() bool {
	switch {
	case p.probing:
		return false
	case !p.listed:
		return true
	default:
		return p.lastResort || p.seen.usable() && p.victim == nil
	}
}

// startChecks begins the checks that are due. It runs in the loop.
func (f *Fleet) startChecks(all []*pod, now time.Time) {
	if f.spawn == nil || f.kill {
		return
	}
	for _, p := range all {
		if f.checks >= maxChecks {
			return
		}
		if !now.Before(p.due) && p.needsCheck() {
			f.startCheck(p)
		}
	}
}

// startCheck begins a check of a pod.
func (f *Fleet) startCheck(p *pod) {
	p.probing = true
	f.checks++
	check, path := f.settings.prober()
	limit, host := min(f.settings.HealthTimeout, f.settings.CheckInterval), p.seen.host
	at := p.seen.address()
	f.spawn(func(ctx context.Context) {
		err := probe.Within(ctx, limit, check, at, path)
		if ctx.Err() != nil || probe.OutOfDescriptors(err) {
			err = nil // it says nothing about the pod
		}
		f.call(func() {
			if p.probing { // else the goroutines of that time have ended
				f.checks--
			}
			p.probing = false
			if f.pods[p.seen.key] == p && p.seen.host == host && ctx.Err() == nil {
				f.onCheck(p, err)
			}
		})
	})
}

// onCheck handles the result of a check. Whether a pod is ready is for Kubernetes to say, whose
// probe may use another path: so any answer is good, but 503. It runs in the loop.
func (f *Fleet) onCheck(p *pod, err error) {
	now, interval := time.Now(), f.settings.CheckInterval
	if err == nil || probe.Answered(err) && (!probe.Unavailable(err) || !p.listed) {
		p.checked, p.failed, p.why, p.due = true, 0, "", now.Add(interval)
		f.reviewPods()
		return
	}
	if in := f.lookup()[p.id]; now.Sub(in.LastSuccess) < interval && !probe.Answered(err) && p.listed {
		p.due = now.Add(interval) // a response to a real request counts more than silence
		return
	}
	p.failed++
	p.why = err.Error()
	p.due = now.Add(min(interval, firstRecheck<<min(p.failed-1, 20)))
	if p.state == registry.Ready && (p.failed >= unhealthyAfter || p.lastResort) && (f.ready() > 1 || probe.Answered(err) || p.lastResort) {
		p.checked = false
		if !p.lastResort { // review ends that
			f.move(p, registry.Unhealthy, fmt.Sprintf("failed %d health checks: %v", p.failed, err))
		}
	}
	if p.state == registry.Starting {
		f.note(f.Registry.SetReason(p.id, registry.NotReadyYet+p.why))
		if p.failed == 4 {
			f.Log.Warn("pod is ready, says Kubernetes, but not for dynlb", "pod", p.seen.pod, "address", p.seen.host.String(), "error", err,
				"hint", "a NetworkPolicy may keep dynlb from it")
		}
	}
	if !p.listed && !p.lastResort {
		p.checked = false
	}
	f.reviewPods()
}

// ready returns how many pods are ready.
func (f *Fleet) ready() int {
	n := 0
	for _, p := range f.pods {
		if p.state == registry.Ready {
			n++
		}
	}
	return n
}

// onSuspect handles a pod that refused a connection, or did not answer one in time. The
// registry has made it unhealthy. It runs in the loop.
func (f *Fleet) onSuspect(id registry.ID) {
	if p := f.find(id); p != nil && p.state == registry.Ready {
		p.state, p.checked, p.lastResort, p.due = registry.Unhealthy, false, false, time.Time{}
		f.Log.Warn("pod cannot be reached", "pod", p.seen.pod)
	}
	f.reviewPods()
}

// lookup returns the instances, by ID.
func (f *Fleet) lookup() map[registry.ID]registry.Instance {
	now := f.Registry.Snapshot()
	out := make(map[registry.ID]registry.Instance, len(now.Instances))
	for i := range now.Instances {
		out[now.Instances[i].ID] = now.Instances[i]
	}
	return out
}

// staleBeats is how old a picture may be until that is logged: two beats without an answer.
const staleBeats = 3

// reportAge reports how old the picture is. It runs in the loop.
func (f *Fleet) reportAge(now time.Time) {
	if f.source == nil {
		return
	}
	n := f.source.age()
	if n.confirmed.IsZero() {
		if n.err != "" {
			f.Board.SetTrouble("the API server of Kubernetes: " + n.err)
		}
		return
	}
	old := now.Sub(n.confirmed)
	stale := old > staleBeats*f.settings.paceOf().heartbeat
	f.Board.SetPicture(n.confirmed, cmp.Or(errorText(stale, n.err), n.refused))
	if stale == f.last.stale {
		return
	}
	f.last.stale = stale
	if stale {
		f.Log.Warn("API server of Kubernetes is silent, routing goes on with the last picture of the pods and with health checks",
			"age", old.Round(time.Second), "error", n.err)
	} else {
		f.Log.Info("API server of Kubernetes answers again")
	}
}

// errorText returns why a picture is stale, or "" if it is not.
func errorText(stale bool, err string) string {
	if !stale {
		return ""
	}
	return cmp.Or(err, "no answer")
}
