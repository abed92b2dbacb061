package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// phase is a part of the load: requests at random (a Poisson process) at a rate per
// second, after a burst.
type phase struct {
	rate  float64
	last  time.Duration
	burst int
}

// arrival is a request of the load.
type arrival struct {
	at    time.Duration // when it is due, since the beginning
	share float64       // of the mean service time, with an exponential distribution
}

// outcome is what became of a request.
type outcome struct {
	at       time.Duration // when it was due, since the beginning
	took     time.Duration // from then on
	instance string
	ok       bool
}

// due returns the requests of a load.
func due(phases []phase, seed uint64) (all []arrival) {
	random, shares := rand.New(rand.NewPCG(seed, 2)), rand.New(rand.NewPCG(seed, 3))
	begin := time.Duration(0)
	for _, p := range phases {
		for range p.burst {
			all = append(all, arrival{begin, shares.ExpFloat64()})
		}
		for t := begin; p.rate > 0; {
			t += time.Duration(random.ExpFloat64() / p.rate * float64(time.Second))
			if t >= begin+p.last {
				break
			}
			all = append(all, arrival{t, shares.ExpFloat64()})
		}
		begin += p.last
	}
	return all
}

// send sends requests when they are due, whatever became of those before, and returns
// their outcomes when all have ended. A client leaves after patience; 0 means 60 s.
func send(ctx context.Context, url string, arrivals []arrival, patience time.Duration) []outcome {
	if patience == 0 {
		patience = time.Minute
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 4096, MaxIdleConns: 4096}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	outcomes := make([]outcome, len(arrivals))
	var all sync.WaitGroup
	begin := time.Now()
	for i, a := range arrivals {
		if wait := a.at - time.Since(begin); wait > 0 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return outcomes[:i]
			}
		}
		all.Go(func() {
			o := outcome{at: a.at}
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"?share="+strconv.FormatFloat(a.share, 'g', 6, 64), nil)
			if err == nil {
				var response *http.Response
				if response, err = client.Do(request); err == nil {
					_, err = io.Copy(io.Discard, response.Body)
					_ = response.Body.Close()
					o.ok = err == nil && response.StatusCode == http.StatusOK
					o.instance = response.Header.Get("X-Instance")
				}
			}
			o.took = time.Since(begin) - a.at
			outcomes[i] = o
		})
	}
	all.Wait()
	return outcomes
}
