package kube

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pendingAfter is how long pods may be missing until dynlb asks why.
const pendingAfter = 2 * time.Second

// pendingPods are those that were asked for and are not ready.
type pendingPods struct {
	since   time.Time // when some were first missing; zero: none is
	asked   time.Time
	noRoom  string // why the scheduler finds no node, or a quota refuses pods; or ""
	unknown bool   // dynlb may not list pods
}

// watchPending reports why pods are missing for long, and whether some are.
func (s *steward) watchPending(ctx context.Context, d *deployment) bool {
	p, now := &s.pending, time.Now()
	if d.settled() && d.Status.Ready >= d.replicas() {
		if p.noRoom != "" {
			s.fleet.Board.SetBrake("")
		}
		*p = pendingPods{unknown: p.unknown}
		return false
	}
	if p.since.IsZero() {
		p.since = now
	}
	if now.Sub(p.since) < pendingAfter || now.Sub(p.asked) < pendingAfter {
		return true
	}
	p.asked = now
	reason, noRoom := s.whyPending(ctx, d)
	if noRoom != p.noRoom {
		p.noRoom = noRoom
		s.fleet.Board.SetBrake(noRoom)
	}
	if reason != "" && d.Status.Ready == 0 {
		s.fleet.Board.SetTrouble(reason)
	}
	if reason != "" {
		s.fleet.Log.Warn("pods are not ready", "ready", d.Status.Ready, "replicas", d.replicas(), "reason", reason)
	}
	return true
}

// podList is what dynlb reads of pods.
type podList struct {
	Items []struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
		Status struct {
			Conditions []condition `json:"conditions"`
			Containers []struct {
				State struct {
					Waiting *struct{ Reason, Message string } `json:"waiting"`
				} `json:"state"`
			} `json:"containerStatuses"`
		} `json:"status"`
	} `json:"items"`
}

// whyPending returns why pods are not ready, and why there is no room for more; "" if that is
// not so, or not known.
func (s *steward) whyPending(ctx context.Context, d *deployment) (reason, noRoom string) {
	if c := d.condition("ReplicaFailure"); c.Status == "True" { // as with a quota
		text := fmt.Sprintf("kubernetes: pods cannot be created: %s", c.Message)
		return text, text
	}
	if s.pending.unknown {
		return "", ""
	}
	var pods podList
	request := s.client.Get().AbsPath(s.client.corePath("pods")...).
		Param("labelSelector", metav1.FormatLabelSelector(&d.Spec.Selector)).Param("fieldSelector", "status.phase=Pending")
	switch err := do(ctx, request, &pods); {
	case apierrors.IsForbidden(err):
		s.pending.unknown = true
		s.fleet.Log.Warn("pods may not be listed, so it is not known why they are not ready", "error", listPods.explain(err))
		return "", ""
	case err != nil: // what was known may still be so
		s.fleet.Log.Warn("list pods that are not ready", "error", err)
		return "", s.pending.noRoom
	}
	unscheduled := 0
	for i := range pods.Items {
		p := &pods.Items[i]
		for _, c := range p.Status.Conditions {
			if c.Type == "PodScheduled" && c.Status == "False" {
				unscheduled++
				noRoom = c.Message
			}
		}
		for j := range p.Status.Containers {
			if w := p.Status.Containers[j].State.Waiting; w != nil && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" {
				reason = fmt.Sprintf("kubernetes: pod %s waits: %s %s", p.Metadata.Name, w.Reason, w.Message)
			}
		}
	}
	if unscheduled > 0 {
		noRoom = fmt.Sprintf("kubernetes: %d pods are pending: %s", unscheduled, noRoom)
		return noRoom, noRoom
	}
	return reason, ""
}
