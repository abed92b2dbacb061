package talk

import (
	"cmp"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// How to have Rounds go on for longer, and how to repeat one of them.
const (
	talkFor  = "DYNLB_TALK_FOR"  // a duration; default one round
	talkSeed = "DYNLB_TALK_SEED" // a number; default another one each time
)

const (
	instances = 3
	clients   = 16
)

// Rounds has clients hold so many conversations through a proxy that serve starts
// over instances, and returns the address of. Each round is a subtest named after
// its seed.
func Rounds(t *testing.T, conversations uint64, serve func(t *testing.T, talk *Talk, instances []string) (address string)) {
	long, _ := time.ParseDuration(os.Getenv(talkFor))
	seed, _ := strconv.ParseUint(os.Getenv(talkSeed), 10, 64)
	seed = cmp.Or(seed, uint64(time.Now().UnixNano()))
	for began := time.Now(); !t.Failed(); seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			talk := newTalk(seed)
			t.Cleanup(talk.close)
			talk.hold(t, conversations, func(instances []string) string { return serve(t, talk, instances) })
		})
		if time.Since(began) >= long {
			return
		}
	}
}

// hold starts the instances, and holds the conversations.
func (t *Talk) hold(tb testing.TB, conversations uint64, serve func(instances []string) (address string)) {
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
		tb.Errorf("seed %d: %v", t.Seed, err)
	}
}
