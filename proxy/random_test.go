package proxy_test

import (
	"cmp"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/internal/talk"
)

// How to run TestRandomConversations for longer, and how to run one again.
const (
	talkFor  = "DYNLB_TALK_FOR"  // a duration; default one round
	talkSeed = "DYNLB_TALK_SEED" // a number; default another one each time
)

// TestRandomConversations: see package talk. Both engines pass the same.
func TestRandomConversations(t *testing.T) {
	long, _ := time.ParseDuration(os.Getenv(talkFor))
	seed, _ := strconv.ParseUint(os.Getenv(talkSeed), 10, 64)
	seed = cmp.Or(seed, uint64(time.Now().UnixNano()))
	for began := time.Now(); !t.Failed(); seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { converse(t, seed) })
		if time.Since(began) >= long {
			return
		}
	}
}

// converse has some clients hold conversations, all of which follow from seed.
func converse(t *testing.T, seed uint64) {
	talks := talk.New(seed)
	talks.Std = engine == proxy.EngineStd
	t.Cleanup(talks.Close)
	var instances []string
	for range 3 {
		address, err := talks.Instance(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		instances = append(instances, address)
	}
	var f *front
	t.Cleanup(func() { f.idle(t) }) // when it is shut down
	f = newProxy(t, setup{
		options:   proxy.Options{Settings: proxy.Settings{HeadTimeout: talk.Patience, BodyTimeout: talk.Patience, RequestTimeout: talk.Patience}},
		instances: instances,
	})
	var next atomic.Uint64
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for n := next.Add(1); n <= 120; n = next.Add(1) {
				if err := talks.Converse(t.Context(), f.address, n); err != nil {
					t.Errorf("conversation %d: %v", n, err)
				}
			}
		})
	}
	clients.Wait()
	if err := talks.Err(); err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
}
