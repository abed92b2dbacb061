// Command scenario tests dynlb against a real Kubernetes control plane: it runs dynlb in
// front of a Deployment, sends it requests, does to the cluster what happens to clusters, and
// counts the requests that were lost. cluster.sh starts it beside the control plane.
//
// A scenario fails when a GET is lost, or a limit is exceeded. "baseline" in a line is the same through a
// plain round robin over the ready endpoints, as kube-proxy does it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// scenario is one experiment; it reports what it finds wrong to the run.
type scenario struct {
	name string
	test func(ctx context.Context, r *run)
}

var scenarios = []scenario{
	{"zero", fromZero},
	{"scale", scaleUpAndDown},
	{"rollout", rollingUpdate},
	{"restart", restartByCommand},
	{"deploy", deployByCommand},
	{"kill", killPod},
	{"rude", rudeRollout},
	{"node", loseNode},
	{"outage", loseAPIServer},
	{"etcd", restartEtcd},
	{"order", orderAfterOutage},
	{"leader", killLeader},
	{"siblings", shareWithSiblings},
	{"rival", refuseRival},
	{"rights", limitRights},
	{"hpa", stepLoad},
}

// run is the state of one scenario.
type run struct {
	*world
	name   string
	failed bool
}

func (r *run) failf(format string, args ...any) {
	r.failed = true
	fmt.Printf("%-8s FAIL %s\n", r.name, fmt.Sprintf(format, args...))
}

func (r *run) say(format string, args ...any) {
	fmt.Printf("%-8s %s\n", r.name, fmt.Sprintf(format, args...))
}

func main() {
	baseline := flag.Bool("baseline", true, "measure the round robin too")
	limit := flag.Duration("limit", 15*time.Minute, "how long all may take")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), *limit)
	defer cancel()
	chosen := flag.Args()
	failed := []string{}
	for _, s := range scenarios {
		if len(chosen) > 0 && !slices.Contains(chosen, s.name) {
			continue
		}
		began := time.Now()
		w, err := newWorld(ctx, *baseline)
		if err != nil {
			fmt.Fprintln(os.Stderr, "scenario:", err)
			os.Exit(1)
		}
		r := &run{world: w, name: s.name}
		s.test(ctx, r)
		w.end(ctx)
		if r.failed {
			failed = append(failed, s.name)
		}
		r.say("took %v", time.Since(began).Round(100*time.Millisecond))
	}
	if len(failed) > 0 {
		fmt.Fprintln(os.Stderr, "scenario: failed:", strings.Join(failed, ", "))
		os.Exit(1)
	}
}
