package proxytest

import (
	"cmp"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The environment variables of Converse.
const (
	talkFor  = "DYNLB_TALK_FOR"  // how long to go on, a duration; default: one round
	talkSeed = "DYNLB_TALK_SEED" // the seed of the first round, a number; default: random
)

const (
	instances = 3
	clients   = 16
)

// Converse has clients hold conversations with instances through a proxy. serve starts the
// proxy over the instances and returns its address; seed is the seed of the round. Each
// round is a subtest with its seed as the name.
func Converse(t *testing.T, conversations uint64, serve func(t *testing.T, seed uint64, instances []string) (address string)) {
	long, _ := time.ParseDuration(os.Getenv(talkFor))
	seed, _ := strconv.ParseUint(os.Getenv(talkSeed), 10, 64)
	seed = cmp.Or(seed, uint64(time.Now().UnixNano()))
	for began := time.Now(); !t.Failed(); seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			talk := newTalk(seed)
			t.Cleanup(talk.close)
			talk.hold(t, conversations, func(instances []string) string { return serve(t, seed, instances) })
		})
		if time.Since(began) >= long {
			return
		}
	}
}

// hold starts the instances and the proxy, and holds the conversations.
func (t *talk) hold(tb testing.TB, conversations uint64, serve func(instances []string) (address string)) {
	var addresses []string
	for range instances {
		address, err := t.instance(tb.Context())
		if err != nil {
			tb.Fatal(err)
		}
		addresses = append(addresses, address)
	}
	address := serve(addresses)
	var next atomic.Uint64
	var talking sync.WaitGroup
	for range clients {
		talking.Go(func() {
			for n := next.Add(1); n <= conversations; n = next.Add(1) {
				if err := t.converse(tb.Context(), address, n); err != nil {
					tb.Errorf("conversation %d: %v", n, err)
				}
			}
		})
	}
	talking.Wait()
	if err := t.err(); err != nil {
		tb.Errorf("seed %d: %v", t.seed, err)
	}
}
