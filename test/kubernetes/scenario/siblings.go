package main

import (
	"context"
	"fmt"
	random "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	siblingService = "dynlb-siblings"
	siblingPort    = 4001
	// siblingPods can do 50 requests a second each, and get siblingRate of them together.
	siblingPods = 8
	siblingRate = 280
	// siblingLimit is the p99 through three dynlbs in relation to that through one. The goal is
	// 1.1, and 1.2 to 1.7 was seen: decision 0057.
	siblingLimit  = 2
	siblingRounds = 5
)

// shareWithSiblings: three dynlbs in front of the same pods are as good as one; each takes
// orders; when the one that scales is killed, another one does.
func shareWithSiblings(ctx context.Context, r *run) {
	all, err := r.startSiblings(ctx)
	if err != nil {
		r.failf("%v", err)
		return
	}
	var ratios []float64
	for range siblingRounds {
		one, three := newResult(), newResult()
		r.poisson(ctx, one, 12*time.Second, to(all[0].url))
		r.poisson(ctx, three, 12*time.Second, inTurn(all))
		r.say("through one: %v", one)
		r.say("through three: %v", three)
		ratios = append(ratios, float64(three.at(0.99))/float64(one.at(0.99)))
		if one.losses()+three.losses() > 0 {
			r.failf("requests were lost")
		}
	}
	slices.Sort(ratios)
	r.say("p99 of three in relation to one: %.2f", ratios)
	if ratios[siblingRounds/2] > siblingLimit {
		r.failf("the median is more than %v", siblingLimit)
	}
	for i, b := range all {
		want := siblingPods + 1 + i
		r.must(b.do(ctx, "scale", fmt.Sprint(want), "--hold", "10m"))
		if !await(ctx, 10*time.Second, func() bool { return r.replicas(ctx) == want }) {
			r.failf("order %d at dynlb %d: %d replicas", want, i, r.replicas(ctx))
		}
	}
	r.killSteward(ctx, all)
}

// killSteward kills the first dynlb, which scales, under load at the others.
func (r *run) killSteward(ctx context.Context, all []*balancer) {
	before := r.holder(ctx)
	all[0].kill()
	began := time.Now()
	got := load(ctx, inTurn(all[1:]), func() {
		if !await(ctx, 40*time.Second, func() bool {
			return all[1].do(ctx, "scale", "12", "--hold", "10m") == nil && r.replicas(ctx) == 12
		}) {
			r.failf("no other dynlb scales")
		}
	})
	r.say("another dynlb scales %v after the kill: %v", time.Since(began).Round(100*time.Millisecond), got)
	if after := r.holder(ctx); got.losses() > 0 || after == before || after == "" {
		r.failf("requests were lost at the others, or the Lease is that of %q", after)
	}
}

// holder returns which dynlb scales.
func (w *world) holder(ctx context.Context) string {
	lease, err := w.client.CoordinationV1().Leases(w.namespace).Get(ctx, "dynlb-app", metav1.GetOptions{})
	if err != nil || lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// startSiblings deploys the app, and starts three dynlbs, of which the first one scales. They
// have addresses that the API server takes for those of pods.
func (r *run) startSiblings(ctx context.Context) (all []*balancer, err error) {
	if err := r.deployWhole(ctx, siblingPods, true, slotted); err != nil {
		return nil, err
	}
	var addresses []string
	for i := range 3 {
		addresses = append(addresses, fmt.Sprintf("10.255.0.%d", 11+i))
		if out, err := exec.Command("ip", "addr", "add", addresses[i]+"/32", "dev", "lo").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("add address: %w: %s", err, out)
		}
	}
	if err := r.listSiblings(ctx, addresses); err != nil {
		return nil, err
	}
	secret, err := writeSecret(ctx, addresses)
	if err != nil {
		return nil, err
	}
	for _, address := range addresses {
		settings := fmt.Sprintf("minInstances: %d\nmaxInstances: 12\nmaxConcurrency: 1\nauth: {tokenFile: %s, tls: {cert: %s, key: %s}}", siblingPods, secret.token, secret.cert, secret.key)
		b, err := r.startAt(ctx, fmt.Sprintf("%s:%d", address, siblingPort), ", siblings: "+siblingService, settings)
		if err != nil {
			return nil, err
		}
		b.admin = append(b.admin, "--token-file", secret.token, "--tls-ca", secret.cert)
		all = append(all, b)
		if !await(ctx, 10*time.Second, func() bool { return r.holder(ctx) != "" }) {
			return nil, fmt.Errorf("dynlb has no Lease; see %s", b.log)
		}
	}
	return all, nil
}

// listSiblings makes the Service of the dynlbs, as the endpointslice controller would do it if
// they ran in pods.
func (r *run) listSiblings(ctx context.Context, addresses []string) error {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: siblingService}, Spec: corev1.ServiceSpec{
		ClusterIP: "None", Ports: []corev1.ServicePort{{Name: "admin", Port: siblingPort}},
	}}
	if _, err := r.client.CoreV1().Services(r.namespace).Create(ctx, service, metav1.CreateOptions{}); err != nil {
		return err
	}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: siblingService, Labels: map[string]string{discoveryv1.LabelServiceName: siblingService}},
		AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Name: new("admin"), Port: new(int32(siblingPort))}},
	}
	for _, a := range addresses {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{a}})
	}
	_, err := r.client.DiscoveryV1().EndpointSlices(r.namespace).Create(ctx, slice, metav1.CreateOptions{})
	return err
}

// secret has the paths of what all dynlbs have in common.
type secret struct{ token, cert, key string }

// writeSecret writes the files of a secret, as docs/kubernetes.md says how: a certificate for the
// addresses, its key, a token.
func writeSecret(ctx context.Context, addresses []string) (s secret, err error) {
	s = secret{token: filepath.Join(folder(), "token"), cert: filepath.Join(folder(), "tls.crt"), key: filepath.Join(folder(), "tls.key")}
	if out, err := exec.CommandContext(ctx, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
		"-subj", "/CN=dynlb", "-addext", "subjectAltName=IP:"+strings.Join(addresses, ",IP:"), "-keyout", s.key, "-out", s.cert).CombinedOutput(); err != nil {
		return s, fmt.Errorf("openssl: %w: %s", err, out)
	}
	return s, os.WriteFile(s.token, []byte(strings.Repeat("0123456789", 4)), 0o600)
}

// inTurn sends requests to one dynlb after the other.
func inTurn(all []*balancer) func() string {
	var turn atomic.Uint64
	return func() string { return all[turn.Add(1)%uint64(len(all))].url }
}

// poisson adds requests that come at random times for so long to a result.
func (r *run) poisson(ctx context.Context, to *result, d time.Duration, next func() string) {
	client := newClient(20 * time.Second)
	defer client.CloseIdleConnections()
	var requests sync.WaitGroup
	defer requests.Wait()
	at := time.Now()
	for end := at.Add(d); at.Before(end) && ctx.Err() == nil; {
		at = at.Add(time.Duration(random.ExpFloat64() / siblingRate * float64(time.Second)))
		time.Sleep(time.Until(at))
		requests.Go(func() {
			began := time.Now()
			lost := send(ctx, client, next()+"/?ms=20")
			to.add(time.Since(began), lost)
		})
	}
}
