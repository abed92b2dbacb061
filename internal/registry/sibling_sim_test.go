package registry

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
)

// poolSimulation is some balancers in front of the same instances, in virtual time. Requests
// come to the balancers in turn by chance, and an instance works on them in their order,
// some at the same time.
type poolSimulation struct {
	balancers, instances, workers int
	options                       Options
	service                       time.Duration // mean
	utilization                   float64
	interval, delay               time.Duration // of the exchange; interval 0: there is none
	waiting                       time.Duration // the interval while requests wait
	requests                      int

	now            time.Duration
	events         events
	random, chance *rand.Rand // chance has its own, so that all simulations have the same requests
	all            []*Registry
	pods           []simPod
	names          map[ID]int
	took           []time.Duration
	failed         int
}

// simPod is one instance.
type simPod struct {
	busy  int
	queue []func() // begin the work on a request
}

type event struct {
	at time.Duration
	n  int // of equal times, the first one comes first
	do func()
}

type events struct {
	list []event
	n    int
}

func (e *events) Len() int { return len(e.list) }
func (e *events) Less(i, j int) bool {
	a, b := &e.list[i], &e.list[j]
	return a.at < b.at || a.at == b.at && a.n < b.n
}
func (e *events) Swap(i, j int) { e.list[i], e.list[j] = e.list[j], e.list[i] }
func (e *events) Push(x any)    { e.list = append(e.list, x.(event)) }
func (e *events) Pop() any {
	last := len(e.list) - 1
	x := e.list[last]
	e.list = e.list[:last]
	return x
}

func (s *poolSimulation) after(d time.Duration, do func()) {
	s.events.n++
	heap.Push(&s.events, event{s.now + d, s.events.n, do})
}

// quantile returns a quantile of the response times.
func (s *poolSimulation) quantile(q float64) time.Duration {
	slices.Sort(s.took)
	return s.took[int(q*float64(len(s.took)-1))]
}

// run simulates.
func (s *poolSimulation) run(t *testing.T) *poolSimulation {
	t.Helper()
	s.random, s.chance = rand.New(rand.NewPCG(1, 7)), rand.New(rand.NewPCG(2, 7))
	base := time.Unix(0, 0)
	s.names = map[ID]int{}
	s.pods = make([]simPod, s.instances)
	for range s.balancers {
		r := NewWithClock(s.options, func() time.Time { return base.Add(s.now) })
		for i := range s.instances {
			id := ID(strconv.Itoa(i))
			r.Add(Spec{ID: id})
			move(t, r, id, Ready)
			s.names[id] = i
		}
		r.NameSelf(strconv.Itoa(len(s.all)))
		s.all = append(s.all, r)
	}
	gap := float64(s.service) / (s.utilization * float64(s.instances*s.workers))
	arrived := 0
	s.took = make([]time.Duration, 0, s.requests)
	var arrive func()
	arrive = func() {
		arrived++
		if arrived < s.requests {
			s.after(time.Duration(s.random.ExpFloat64()*gap), arrive)
		}
		s.request(s.all[s.chance.IntN(s.balancers)], time.Duration(s.random.ExpFloat64()*float64(s.service)))
	}
	s.after(0, arrive)
	if s.interval > 0 {
		for i := range s.all {
			s.after(s.interval*time.Duration(i)/time.Duration(s.balancers), func() { s.exchange(i) })
		}
	}
	for len(s.took)+s.failed < s.requests {
		e := heap.Pop(&s.events).(event)
		s.now = e.at
		e.do()
	}
	return s
}

// exchange has balancer i tell the others what it has.
func (s *poolSimulation) exchange(i int) {
	told := s.all[i].Report(nil)
	s.after(s.delay, func() {
		for j, r := range s.all {
			if j != i {
				r.UpdateSibling(strconv.Itoa(i), told)
			}
		}
	})
	interval := s.interval
	if told.Waiting > 0 || told.Awaited {
		interval = s.waiting
	}
	s.after(interval, func() { s.exchange(i) })
}

// request is one request at a balancer.
func (s *poolSimulation) request(r *Registry, work time.Duration) {
	began := s.now
	granted := func(lease Lease, err error) {
		if err != nil {
			s.failed++
			return
		}
		s.work(&s.pods[s.names[lease.ID()]], work, func() {
			s.took = append(s.took, s.now-began)
			lease.Completed(s.now-began, 200)
		})
	}
	w := &Waiter{Grant: granted}
	if lease, err := r.Enqueue(w); err != nil || lease.Valid() {
		granted(lease, err)
	}
}

// work has an instance work on a request, when it is its turn.
func (s *poolSimulation) work(p *simPod, d time.Duration, done func()) {
	begin := func() {
		p.busy++
		s.after(d, func() {
			p.busy--
			if len(p.queue) > 0 {
				next := p.queue[0]
				p.queue = p.queue[1:]
				next()
			}
			done()
		})
	}
	if p.busy < s.workers {
		begin()
		return
	}
	p.queue = append(p.queue, begin)
}

// TestSiblingsAreAsGoodAsOne: three balancers that tell each other what they have do nearly
// as well as one, at the 99th percentile of the response times. Without that they do not.
func TestSiblingsAreAsGoodAsOne(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for _, c := range []struct {
		name                      string
		instances, workers, limit int
		service                   time.Duration
		utilization               float64
		worst                     float64 // what three may take longer
		apart                     float64 // what they take longer at least if they tell each other nothing
	}{
		{"one at a time", 12, 1, 0, 100 * ms, 0.7, 1.1, 1.3},
		{"some at a time", 12, 4, 0, 100 * ms, 0.8, 1.1, 1},
		{"some at a time, limited", 12, 4, 4, 100 * ms, 0.8, 1.1, 1},
		{"one at a time, limited", 12, 1, 1, 100 * ms, 0.7, 1.1, 1.3},
		{"short requests", 30, 2, 0, 20 * ms, 0.8, 1.1, 1.05},
		{"one at a time, limited, short", 8, 1, 1, 20 * ms, 0.7, 1.15, 1.3},
		{"the same, busier", 8, 1, 1, 20 * ms, 0.8, 1.2, 1.3},
		{"many instances", 200, 1, 0, 50 * ms, 0.8, 1.1, 1.2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p99 := func(balancers int, interval time.Duration) time.Duration {
				s := &poolSimulation{
					balancers: balancers, instances: c.instances, workers: c.workers, service: c.service, utilization: c.utilization,
					options:  Options{MaxConcurrency: c.limit, QueueLimit: 1e6, QueueTimeout: time.Hour},
					interval: interval, waiting: ms, delay: ms, requests: 20000,
				}
				return s.run(t).quantile(0.99)
			}
			one := float64(p99(1, 0))
			told, apart := float64(p99(3, 2*ms))/one, float64(p99(3, 0))/one
			t.Logf("one: %v; three: %.3f times that; without the exchange: %.3f", time.Duration(one), told, apart)
			if told > c.worst || apart < c.apart {
				t.Errorf("want %v at most, and %v at least without the exchange", c.worst, c.apart)
			}
		})
	}
}
