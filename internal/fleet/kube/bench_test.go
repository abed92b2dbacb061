package kube

import (
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// endpointsOfTen are ten slices of a hundred endpoints each.
func endpointsOfTen() []*endpointSlice {
	var out []*endpointSlice
	for i := range 10 {
		s := &discoveryv1.EndpointSlice{Ports: []discoveryv1.EndpointPort{{Port: new(int32(8080))}}}
		s.Name = fmt.Sprintf("web-%d", i)
		for j := range 100 {
			s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
				Addresses:  []string{netip.AddrFrom4([4]byte{10, 0, byte(i), byte(j)}).String()},
				TargetRef:  &corev1.ObjectReference{Name: fmt.Sprintf("web-%d-%d", i, j), UID: types.UID(fmt.Sprintf("00000000-0000-0000-0000-%06d%06d", i, j))},
				Conditions: discoveryv1.EndpointConditions{Serving: new(true)},
			})
		}
		out = append(out, asRead[endpointSlice](s))
	}
	return out
}

// thousand returns a fleet of a thousand ready pods whose loop does not run.
func thousand(tb testing.TB) (*Fleet, []*endpointSlice) {
	tb.Helper()
	reg := registry.New(registry.Options{Remote: true})
	f := New(fleet.Options{Registry: reg, Board: notice.New(reg), Log: slog.New(slog.DiscardHandler)}, Settings{})
	f.source = newSource(nil, new(Cluster), &usual)
	all := endpointsOfTen()
	for _, s := range all {
		if err := f.source.Add(s); err != nil {
			tb.Fatal(err)
		}
	}
	f.source.whole = true
	f.applyPicture()
	for _, p := range f.pods {
		p.checked = true
	}
	f.reviewPods()
	if n := f.ready(); n != 1000 {
		tb.Fatalf("%d pods are ready", n)
	}
	return f, all
}

// BenchmarkUpdate measures a change of one of a thousand endpoints, from the event to the
// registry.
func BenchmarkUpdate(b *testing.B) {
	f, all := thousand(b)
	for i := 0; b.Loop(); i++ {
		s := all[i%10]
		e := &s.Endpoints[i%100]
		e.Conditions.Serving = new(!*e.Conditions.Serving)
		if err := f.source.Update(s); err != nil {
			b.Fatal(err)
		}
		f.applyPicture()
	}
}

// BenchmarkAcquire measures a request in the registry with a thousand pods, half of them busy.
func BenchmarkAcquire(b *testing.B) {
	f, _ := thousand(b)
	for range 500 {
		if _, err := f.Registry.Acquire(b.Context(), registry.Preference{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		lease, err := f.Registry.Acquire(b.Context(), registry.Preference{})
		if err != nil {
			b.Fatal(err)
		}
		lease.Release()
	}
}

// TestMemory: a thousand pods take less than 32 MiB.
func TestMemory(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	f, _ := thousand(t)
	used := heap() - before
	t.Logf("%d KiB", used>>10)
	if used > 32<<20 {
		t.Errorf("%d bytes", used)
	}
	runtime.KeepAlive(f)
}
