package kube

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/dynlb/dynlb/internal/registry"
)

// key is the identity of an endpoint. The port belongs to it: a rollout that renumbers a
// named port has pods with different ports at the same time, in slices whose ports may
// change in place.
type key struct {
	uid  string // of the pod; of a hand-made endpoint without one: its address
	port int
}

// endpoint is one address of a Service.
type endpoint struct {
	key
	host        netip.Addr
	pod         string // its name; of a hand-made endpoint: its address
	serving     bool   // the pod is ready, also while it terminates
	terminating bool
}

// usable reports whether the endpoint gets requests. The condition ready says the same, but
// for a Service with publishNotReadyAddresses, for which it is always true.
func (e *endpoint) usable() bool { return e.serving && !e.terminating }

// address returns where the endpoint is reached.
func (e *endpoint) address() registry.Endpoint { return registry.TCP(e.host.String(), e.port) }

// lastResort reports whether the endpoint gets requests if no other one is usable, as
// kube-proxy has it.
func (e *endpoint) lastResort() bool { return e.serving && e.terminating }

// portOf chooses one of the ports of a slice: by name or number, or the only one, or the one
// that is called http.
type portOf string

// slice is what dynlb keeps of an EndpointSlice.
type slice struct {
	endpoints []endpoint
	ports     []string // that it offers, if none of them was chosen
}

// readSlice returns what dynlb keeps of a slice. At zero replicas it has no ports.
func readSlice(from *endpointSlice, choice portOf) slice {
	port, ok := choice.of(from.Ports)
	if !ok {
		return slice{ports: describePorts(from.Ports)}
	}
	out := slice{endpoints: make([]endpoint, 0, len(from.Endpoints))}
	for i := range from.Endpoints {
		if e, ok := readEndpoint(&from.Endpoints[i], port); ok {
			out.endpoints = append(out.endpoints, e)
		}
	}
	return out
}

// readEndpoint returns an endpoint; ok is false for one that has no IP address, as in a
// slice of names of hosts. An endpoint has one address only, says the API since 1.33.
func readEndpoint(from *listedEndpoint, port int) (e endpoint, ok bool) {
	if len(from.Addresses) == 0 {
		return e, false
	}
	host, err := netip.ParseAddr(from.Addresses[0])
	if err != nil {
		return e, false
	}
	e = endpoint{
		key: key{uid: host.String(), port: port}, host: host, pod: host.String(),
		serving:     from.Conditions.Serving == nil || *from.Conditions.Serving,
		terminating: from.Conditions.Terminating != nil && *from.Conditions.Terminating,
	}
	if ref := from.TargetRef; ref != nil && ref.UID != "" {
		e.uid, e.pod = ref.UID, ref.Name
	}
	return e, true
}

// of returns the port that c chooses. Only ports of TCP count.
func (c portOf) of(ports []listedPort) (int, bool) {
	var named, only int
	n := 0
	for i := range ports {
		p := &ports[i]
		if p.Port == nil || p.Protocol != nil && *p.Protocol != "TCP" {
			continue
		}
		n++
		only = int(*p.Port)
		name := ""
		if p.Name != nil {
			name = *p.Name
		}
		if c != "" && (name == string(c) || strconv.Itoa(only) == string(c)) {
			return only, true
		}
		if name == "http" {
			named = only
		}
	}
	switch {
	case c != "":
		return 0, false
	case n == 1:
		return only, true
	default:
		return named, named != 0
	}
}

// describePorts lists the ports of a slice for a message.
func describePorts(ports []listedPort) []string {
	var out []string
	for i := range ports {
		p := &ports[i]
		switch {
		case p.Port == nil:
		case p.Name != nil && *p.Name != "":
			out = append(out, fmt.Sprintf("%s (%d)", *p.Name, *p.Port))
		default:
			out = append(out, strconv.Itoa(int(*p.Port)))
		}
	}
	return out
}

// merge returns the endpoints of all slices of a Service. A pod is one endpoint even if it is
// in several slices: in one for each family of addresses, of which the IPv4 one is used, or
// in two while the controller moves it. When these differ, the endpoint is as the worse one.
func merge(slices map[string]slice) map[key]endpoint {
	n := 0
	for _, s := range slices {
		n += len(s.endpoints)
	}
	all := make(map[key]endpoint, n)
	for _, s := range slices {
		for i := range s.endpoints {
			e := s.endpoints[i]
			other, again := all[e.key]
			if again {
				e = worse(e, other)
			}
			all[e.key] = e
		}
	}
	return all
}

// worse merges two entries of one endpoint.
func worse(a, b endpoint) endpoint {
	if b.host.Is4() != a.host.Is4() && b.host.Is4() || b.host.Is4() == a.host.Is4() && b.host.Less(a.host) {
		a.host = b.host
	}
	a.serving = a.serving && b.serving
	a.terminating = a.terminating || b.terminating
	return a
}

// missingPort says which ports there are, if slices have ports and none that was chosen; or
// it is "".
func missingPort(all map[string]slice, choice portOf) string {
	var offered []string
	for _, s := range all {
		if len(s.endpoints) > 0 {
			return ""
		}
		for _, p := range s.ports {
			if !slices.Contains(offered, p) {
				offered = append(offered, p)
			}
		}
	}
	if len(offered) == 0 {
		return ""
	}
	slices.Sort(offered)
	if choice == "" {
		return fmt.Sprintf("the Service has several ports, %s: set fleet.kubernetes.port", strings.Join(offered, ", "))
	}
	return fmt.Sprintf("the Service has no port %s of TCP, but %s: see fleet.kubernetes.port", choice, strings.Join(offered, ", "))
}

// change is what differs between two pictures of a Service.
type change struct {
	appeared []endpoint // in the order of their keys, like all below
	changed  []endpoint
	vanished []key
}

// diff returns the change from before to now. A picture that is delivered again, as after
// each restart of the API server, is no change.
func diff(before, now map[key]endpoint) change {
	var c change
	for k, e := range now {
		switch old, known := before[k]; {
		case !known:
			c.appeared = append(c.appeared, e)
		case old != e:
			c.changed = append(c.changed, e)
		}
	}
	for k := range before {
		if _, stays := now[k]; !stays {
			c.vanished = append(c.vanished, k)
		}
	}
	slices.SortFunc(c.appeared, func(a, b endpoint) int { return compareKeys(a.key, b.key) })
	slices.SortFunc(c.changed, func(a, b endpoint) int { return compareKeys(a.key, b.key) })
	slices.SortFunc(c.vanished, compareKeys)
	return c
}

func compareKeys(a, b key) int {
	return cmp.Or(strings.Compare(a.uid, b.uid), cmp.Compare(a.port, b.port))
}
