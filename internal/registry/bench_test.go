package registry

import (
	"fmt"
	"strconv"
	"testing"
)

// BenchmarkAcquireRelease measures the cost of a request in the registry. With 8
// instances and one goroutine it is about 50 ns, without allocation.
func BenchmarkAcquireRelease(b *testing.B) {
	for _, instances := range []int{2, 8, 31, 32, 256, 1000} {
		for _, goroutines := range []int{1, 16} {
			b.Run(fmt.Sprintf("instances=%d/goroutines=%d", instances, goroutines), func(b *testing.B) {
				r := New(Options{})
				for i := range instances {
					if err := r.Transition(r.Add(Spec{Endpoint: TCP("127.0.0.1", 5001+i)}), Ready, "test"); err != nil {
						b.Fatal(err)
					}
				}
				// Half of the instances are busy, so that a pick compares them.
				for range instances / 2 {
					if _, err := r.Acquire(b.Context(), Preference{}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportAllocs()
				b.SetParallelism(max(1, goroutines/2))
				if goroutines == 1 {
					for b.Loop() {
						acquireRelease(b, r)
					}
					return
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						acquireRelease(b, r)
					}
				})
			})
		}
	}
}

// BenchmarkSnapshot measures a snapshot of all instances.
func BenchmarkSnapshot(b *testing.B) {
	for _, instances := range []int{8, 256} {
		b.Run("instances="+strconv.Itoa(instances), func(b *testing.B) {
			r := New(Options{})
			for i := range instances {
				r.Add(Spec{Endpoint: TCP("127.0.0.1", 5001+i)})
			}
			b.ReportAllocs()
			for b.Loop() {
				r.Snapshot()
			}
		})
	}
}

func acquireRelease(b *testing.B, r *Registry) {
	lease, err := r.Acquire(b.Context(), Preference{})
	if err != nil {
		b.Error(err)
	}
	lease.Release()
}
