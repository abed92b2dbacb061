package main

import (
	"math/rand/v2"
	"time"
)

// A kind is a sort of fault.
type kind uint8

const (
	scale   kind = iota // another number of instances
	restart             // a rolling restart
	reload              // a changed config
	invalid             // a config that must change nothing
	kill                // SIGKILL to an instance
	freeze              // SIGSTOP to an instance
	suspend             // SIGSTOP to an instance, and SIGCONT soon after
	kinds   int  = iota
)

func (k kind) String() string {
	return [kinds]string{"scale", "rolling restart", "reload", "invalid config", "SIGKILL", "SIGSTOP", "SIGSTOP and SIGCONT"}[k]
}

// A fault is one thing to be done to dynlb or to an instance.
type fault struct {
	at   time.Duration // since the first could come
	kind kind
	// pick chooses: the instance, modulo how many there are; the number of
	// instances; what the config changes to.
	pick uint32
	// signal is set for a reload by SIGHUP; else dynlb has to notice the change.
	signal bool
}

// The time between two faults.
const (
	minGap = 1 * time.Second
	maxGap = 3 * time.Second
)

// weights are the relative frequencies of the kinds.
var weights = [kinds]int{scale: 4, restart: 2, reload: 2, invalid: 1, kill: 4, freeze: 2, suspend: 2}

// newPlan returns the faults of a soak of length d, in order, with times between
// them that are slower times as long. The same seed gives the same faults, except those
// that it has to leave out.
func newPlan(seed uint64, d time.Duration, reloads bool, slower int) []fault {
	random := rand.New(rand.NewPCG(seed, 1))
	total := 0
	for _, w := range weights {
		total += w
	}
	var plan []fault
	signal := false
	for at := gap(random, slower); at < d; at += gap(random, slower) {
		f := fault{at: at, pick: random.Uint32()}
		for n := random.IntN(total); n >= weights[f.kind]; f.kind++ {
			n -= weights[f.kind]
		}
		if f.kind == reload || f.kind == invalid {
			if !reloads {
				continue
			}
			f.signal, signal = signal, !signal
		}
		plan = append(plan, f)
	}
	return plan
}

func gap(random *rand.Rand, slower int) time.Duration {
	return time.Duration(slower) * (minGap + time.Duration(random.Int64N(int64(maxGap-minGap))))
}
