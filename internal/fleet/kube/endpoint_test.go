package kube

import (
	"encoding/json"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
)

// listed returns an entry of a slice: letters of conditions are s (serving), t (terminating)
// and n (all nil).
func listed(uid, address, conditions string) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: []string{address}}
	if uid != "" {
		e.TargetRef = &corev1.ObjectReference{UID: types.UID(uid), Name: "pod-" + uid}
	}
	if !strings.Contains(conditions, "n") {
		e.Conditions.Serving = new(strings.Contains(conditions, "s"))
		e.Conditions.Terminating = new(strings.Contains(conditions, "t"))
	}
	return e
}

// sliceOf returns an EndpointSlice; a port of 0 is none.
func sliceOf(port int32, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{Endpoints: endpoints}
	if port != 0 {
		s.Ports = []discoveryv1.EndpointPort{{Name: new("web"), Port: new(port)}}
	}
	return s
}

// asRead returns an object of the API as dynlb reads it.
func asRead[T any](from any) *T {
	out := new(T)
	text, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil {
		panic(err)
	}
	return out
}

// picture reads and merges slices.
func picture(choice portOf, all ...*discoveryv1.EndpointSlice) map[key]endpoint {
	read := map[string]slice{}
	for i, s := range all {
		read[string(rune('a'+i))] = readSlice(asRead[endpointSlice](s), choice)
	}
	return merge(read)
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		conditions         string
		usable, lastResort bool
	}{
		{"n", true, false},
		{"s", true, false},
		{"st", false, true},
		{"t", false, false},
		{"", false, false},
	} {
		e, ok := readEndpoint(asRead[listedEndpoint](listed("u", "10.0.0.1", c.conditions)), 80)
		if !ok || e.usable() != c.usable || e.lastResort() != c.lastResort {
			t.Errorf("%q: usable %v, last resort %v, want %v, %v", c.conditions, e.usable(), e.lastResort(), c.usable, c.lastResort)
		}
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	pod := func(uid string, port int, host string, serving, terminating bool) endpoint {
		return endpoint{key: key{uid, port}, host: netip.MustParseAddr(host), pod: "pod-" + uid, serving: serving, terminating: terminating}
	}
	for _, c := range []struct {
		name   string
		slices []*discoveryv1.EndpointSlice
		want   []endpoint
	}{
		{"at zero", []*discoveryv1.EndpointSlice{sliceOf(0)}, nil},
		{"two slices", []*discoveryv1.EndpointSlice{
			sliceOf(80, listed("a", "10.0.0.1", "s")), sliceOf(80, listed("b", "10.0.0.2", "")),
		}, []endpoint{pod("a", 80, "10.0.0.1", true, false), pod("b", 80, "10.0.0.2", false, false)}},
		{"ports that differ", []*discoveryv1.EndpointSlice{
			sliceOf(80, listed("a", "10.0.0.1", "s")), sliceOf(90, listed("b", "10.0.0.2", "s")),
		}, []endpoint{pod("a", 80, "10.0.0.1", true, false), pod("b", 90, "10.0.0.2", true, false)}},
		{"dual stack", []*discoveryv1.EndpointSlice{
			sliceOf(80, listed("a", "fd00::1", "s")), sliceOf(80, listed("a", "10.0.0.1", "s")),
		}, []endpoint{pod("a", 80, "10.0.0.1", true, false)}},
		{"IPv6 only", []*discoveryv1.EndpointSlice{sliceOf(80, listed("a", "fd00::1", "s"))}, []endpoint{pod("a", 80, "fd00::1", true, false)}},
		{"in two slices", []*discoveryv1.EndpointSlice{
			sliceOf(80, listed("a", "10.0.0.1", "s")), sliceOf(80, listed("a", "10.0.0.1", "st")),
		}, []endpoint{pod("a", 80, "10.0.0.1", true, true)}},
		{"names of hosts", []*discoveryv1.EndpointSlice{sliceOf(80, listed("a", "example.com", "s"))}, nil},
		{"without a pod", []*discoveryv1.EndpointSlice{sliceOf(80, listed("", "10.0.0.9", "n"))}, []endpoint{
			{key: key{"10.0.0.9", 80}, host: netip.MustParseAddr("10.0.0.9"), pod: "10.0.0.9", serving: true},
		}},
	} {
		got := slices.SortedFunc(maps.Values(picture("", c.slices...)), func(a, b endpoint) int { return compareKeys(a.key, b.key) })
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestPort(t *testing.T) {
	t.Parallel()
	udp := corev1.ProtocolUDP
	several := []discoveryv1.EndpointPort{
		{Name: new("dns"), Port: new(int32(53)), Protocol: &udp},
		{Name: new("web"), Port: new(int32(8080))},
		{Name: new("http"), Port: new(int32(80))},
	}
	for _, c := range []struct {
		choice portOf
		ports  []discoveryv1.EndpointPort
		want   int
	}{
		{"", several, 80},
		{"web", several, 8080},
		{"8080", several, 8080},
		{"dns", several, 0},
		{"", several[:2], 8080},
		{"", []discoveryv1.EndpointPort{several[1], {Name: new("x"), Port: new(int32(1))}}, 0},
		{"", []discoveryv1.EndpointPort{{Port: new(int32(7))}}, 7},
		{"", nil, 0},
	} {
		if got, ok := c.choice.of(*asRead[[]listedPort](c.ports)); got != c.want || ok != (c.want != 0) {
			t.Errorf("port %q: %d %v, want %d", c.choice, got, ok, c.want)
		}
	}
	s := &discoveryv1.EndpointSlice{Endpoints: []discoveryv1.Endpoint{listed("a", "10.0.0.1", "s")}, Ports: several}
	text := missingPort(map[string]slice{"a": readSlice(asRead[endpointSlice](s), "metrics")}, "metrics")
	if !strings.Contains(text, "metrics") || !strings.Contains(text, "web (8080)") {
		t.Errorf("missing port: %q", text)
	}
	if text := missingPort(map[string]slice{"a": readSlice(asRead[endpointSlice](s), "web"), "b": {}}, "web"); text != "" {
		t.Errorf("missing port: %q", text)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	before := picture("", sliceOf(80, listed("a", "10.0.0.1", "s"), listed("b", "10.0.0.2", "s"), listed("c", "10.0.0.3", "s")))
	now := picture("", sliceOf(80, listed("d", "10.0.0.3", "s"), listed("b", "10.0.0.2", "st"), listed("a", "10.0.0.1", "s")))
	want := change{
		appeared: []endpoint{now[key{"d", 80}]}, changed: []endpoint{now[key{"b", 80}]}, vanished: []key{{"c", 80}},
	}
	if got := diff(before, now); !reflect.DeepEqual(got, want) {
		t.Errorf("diff: %+v, want %+v", got, want)
	}
	if got := diff(now, maps.Clone(now)); !reflect.DeepEqual(got, change{}) {
		t.Errorf("the same picture again: %+v", got)
	}
	renumbered := picture("", sliceOf(81, listed("a", "10.0.0.1", "s")))
	first := picture("", sliceOf(80, listed("a", "10.0.0.1", "s")))
	if got := diff(first, renumbered); len(got.appeared) != 1 || len(got.vanished) != 1 {
		t.Errorf("port changed in place: %+v", got)
	}
}

// FuzzDiff checks that a change, carried out, leads from one picture to the other, whatever
// slices say and in whatever order they are read.
func FuzzDiff(f *testing.F) {
	f.Add([]byte("a1sb2sc3t"), []byte("a1sb2td4s"))
	f.Add([]byte(""), []byte("a1n"))
	f.Fuzz(func(t *testing.T, from, to []byte) {
		before, now := picture("", fuzzSlices(from)...), picture("", fuzzSlices(to)...)
		backwards := fuzzSlices(to)
		slices.Reverse(backwards)
		if again := picture("", backwards...); !maps.Equal(now, again) {
			t.Fatalf("the order of slices matters: %v, %v", now, again)
		}
		c := diff(before, now)
		for _, e := range slices.Concat(c.appeared, c.changed) {
			before[e.key] = e
		}
		for _, k := range c.vanished {
			delete(before, k)
		}
		if !maps.Equal(before, now) {
			t.Fatalf("%v, want %v", before, now)
		}
	})
}

// fuzzSlices makes slices of text: three bytes are the pod, its address and port, and its
// conditions.
func fuzzSlices(text []byte) []*discoveryv1.EndpointSlice {
	var out []*discoveryv1.EndpointSlice
	for len(text) >= 3 {
		address := netip.AddrFrom4([4]byte{10, 0, 0, text[1]}).String()
		if text[1]%5 == 0 {
			address = netip.AddrFrom16([16]byte{0xfd, 15: text[1]}).String()
		}
		conditions := []string{"n", "s", "st", "t", ""}[int(text[2])%5]
		out = append(out, sliceOf(80+int32(text[1]%2), listed(string('a'+rune(text[0]%7)), address, conditions)))
		text = text[3:]
	}
	return out
}
