package server

import (
	"fmt"
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/history"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// lbStatusOf returns a snapshot in the form of /lb-status.
func lbStatusOf(now *notice.Snapshot) *dynlbv1.LbStatus {
	out := &dynlbv1.LbStatus{Total: int32(len(now.Instances))}
	for i := range now.Instances {
		in := &now.Instances[i]
		healthy := in.State.Routable() && in.EjectedUntil.IsZero()
		if healthy {
			out.Healthy++
		}
		out.Instances = append(out.Instances, &dynlbv1.LbInstance{
			Id:             string(in.ID),
			Port:           int32(in.Port),
			Healthy:        healthy,
			ActiveRequests: int32(in.InFlight),
			TotalRequests:  float64(in.Total),
			ResponseTime:   milliseconds(in.ResponseTime),
			Load:           hundredths(in.Load),
		})
	}
	return out
}

// poolOf returns a snapshot of an app in full.
func poolOf(app string, now *notice.Snapshot) *dynlbv1.Pool {
	out := &dynlbv1.Pool{
		Target:            int32(now.Target),
		MinInstances:      int32(now.Bounds.Min),
		MaxInstances:      int32(now.Bounds.Max),
		WaitingRequests:   int32(now.Waiting),
		Restarts:          now.Restarts,
		UnavailableReason: text(now.Trouble),
		LastExit:          exitOf(app, &now.LastExit),
		ConfigLoadTime:    timestamp(now.Reload.Time),
		ConfigError:       text(now.Reload.Error),
		Retries:           now.Retries,
		RetriesDenied:     now.RetriesDenied,
		App:               app,
		Brake:             text(brakeOf(now)),
		ConfigReloading:   now.Reload.Pending,
		Arrivals:          now.Arrivals,
		Responses:         now.Responses,
		ServiceTime:       durationpb.New(now.ServiceTime),
		Paused:            now.Paused,
		Version:           text(now.Version),
		PreviousVersion:   text(now.PreviousVersion),
		Deploy:            deployOf(&now.Deploy),

		ScaleUpThreshold:   now.Thresholds.Up,
		ScaleDownThreshold: now.Thresholds.Down,
		Load:               hundredths(now.MeanLoad()),
		Siblings:           int32(now.Siblings),
		WaitingAtSiblings:  int32(now.WaitingAtSiblings),
	}
	if d := &now.LastDecision; !d.Time.IsZero() {
		out.LastDecision = &dynlbv1.Decision{Time: timestamp(d.Time), Rule: d.Rule, Reason: text(d.Reason)}
	}
	if now.HoldUntil.After(now.Time) {
		out.HoldUntil = timestamp(now.HoldUntil)
	}
	for i := range now.Instances {
		out.Instances = append(out.Instances, instanceOf(app, &now.Instances[i]))
	}
	return out
}

// brakeOf returns what keeps the number of instances from following the load: a limit, what
// else sets it, or the silence of the program that runs them.
func brakeOf(now *notice.Snapshot) string {
	switch p := &now.Picture; {
	case now.Brake != "":
		return now.Brake
	case p.Error != "":
		age := max(0, now.Time.Sub(p.Confirmed)).Round(time.Second)
		return fmt.Sprintf("the fleet was last confirmed %v ago, requests go to the instances that answer: %s", age, p.Error)
	case now.Steering.By != "":
		return "another process sets the number of instances: " + now.Steering.By
	default:
		return ""
	}
}

func instanceOf(app string, in *registry.Instance) *dynlbv1.Instance {
	out := &dynlbv1.Instance{
		Id:             string(in.ID),
		Address:        in.Endpoint.String(),
		State:          stateOf(in.State),
		StateReason:    text(in.Reason),
		Handle:         text(in.Handle),
		StartTime:      timestamp(in.Started),
		ReadyTime:      timestamp(in.ReadyAt),
		InFlight:       int32(in.InFlight),
		TotalRequests:  in.Total,
		ResponseTimeMs: milliseconds(in.ResponseTime),
		Load:           hundredths(in.Load),
		MemoryBytes:    in.Usage.Memory,
		CpuCores:       hundredths(in.Usage.Cores),
		EjectedUntil:   timestamp(in.EjectedUntil),
		App:            app,
		Streams:        int32(in.Streams),
		Version:        text(in.Version),
		Staged:         in.Staged,
		Failures:       in.Failures,

		InFlightAtSiblings: int32(in.AtSiblings.InFlight),
	}
	if !in.Usage.Measured.IsZero() {
		out.CpuTime = durationpb.New(in.Usage.CPU)
	}
	return out
}

// exitOf returns nil when no instance has exited.
func exitOf(app string, exit *notice.Exit) *dynlbv1.Exit {
	if exit.ID == "" {
		return nil
	}
	out := &dynlbv1.Exit{
		InstanceId: string(exit.ID),
		Time:       timestamp(exit.Time),
		Reason:     text(exit.Reason),
		App:        app,
		Version:    text(exit.Version),
	}
	for _, line := range exit.Output {
		out.Output = append(out.Output, text(line))
	}
	return out
}

func eventsOf(app string, events []notice.Event) []*dynlbv1.Event {
	out := make([]*dynlbv1.Event, len(events))
	for i := range events {
		out[i] = history.EventOf(app, &events[i])
	}
	return out
}

func stateOf(s registry.State) dynlbv1.InstanceState {
	switch s {
	case registry.Starting:
		return dynlbv1.InstanceState_INSTANCE_STATE_STARTING
	case registry.Ready:
		return dynlbv1.InstanceState_INSTANCE_STATE_READY
	case registry.Unhealthy:
		return dynlbv1.InstanceState_INSTANCE_STATE_UNHEALTHY
	case registry.Draining:
		return dynlbv1.InstanceState_INSTANCE_STATE_DRAINING
	case registry.Stopped:
		return dynlbv1.InstanceState_INSTANCE_STATE_STOPPED
	case registry.Unspecified:
	}
	return dynlbv1.InstanceState_INSTANCE_STATE_UNSPECIFIED
}

// text returns s as valid UTF-8, which protobuf requires. The output of a program or
// the name of a file may be anything.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// timestamp returns nil for the zero time.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// milliseconds rounds to tenths, and hundredths to hundredths. That is finer than any
// decision needs, and coarse enough that the state of an idle app does not change.
func milliseconds(d time.Duration) float64 { return math.Round(float64(d)/1e5) / 10 }

func hundredths(x float64) float64 { return math.Round(x*100) / 100 }
