package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/route"
	"github.com/dynlb/dynlb/server"
)

// childArgument is the first argument of the child. The second one is where the instances
// are.
const childArgument = "balance"

// instances is how many instances there are, all at one address.
const instances = 2

// nothing is an app whose instances cannot be changed.
type nothing struct {
	server.Scaler
	server.Restarter
	server.Deployer
}

// balance runs a data path and a control plane until stdin ends. It prints where they
// listen, and reads numbers: from then on, it makes so many events a second.
func balance(address string) error {
	endpoint, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return err
	}
	pool := registry.New(registry.Options{})
	board := notice.New(pool)
	board.SetTarget(instances, notice.Bounds{Min: instances, Max: instances}, time.Time{}, "fixed")
	for range instances {
		id := pool.Add(registry.Spec{Endpoint: registry.TCP(endpoint.IP.String(), endpoint.Port), Port: endpoint.Port, Reason: "fixed"})
		if err := pool.Transition(id, registry.Ready, "fixed"); err != nil {
			return err
		}
	}
	apps := []server.App{{Name: "default", Board: board, Scaler: nothing{}, Restarter: nothing{}, Deployer: nothing{}, Pauser: pool}}
	metrics := server.NewMetrics(apps)
	control, err := server.New(server.Options{Apps: apps, Metrics: metrics})
	if err != nil {
		return err
	}
	data := proxy.New(proxy.Options{
		Router: route.Single(route.NewApp("default", pool, route.Settings{RequestTimeout: time.Minute})),
		Record: func(o *outcome.Outcome) {
			metrics.Record(server.Request{
				App: o.App, Code: o.Code, Source: o.Source.String(), Claimed: o.Attempts > 0, Duration: o.Duration, Queued: o.Queued, Shard: o.Shard,
			})
		},
	})
	var listeners [3]net.Listener
	for i := range listeners {
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return err
		}
	}
	failed := make(chan error, 2)
	go func() { failed <- control.Serve(listeners[0], listeners[1]) }() // both end with the Shutdown below
	go func() { failed <- data.Serve(listeners[2]) }()
	fmt.Printf("%s %s\n", listeners[1].Addr(), listeners[2].Addr())
	makeEvents(board)
	ctx := context.Background()
	return errors.Join(control.Shutdown(ctx), data.Shutdown(ctx), <-failed, <-failed)
}

// makeEvents makes events at the rate that was read last, until stdin ends.
func makeEvents(board *notice.Board) {
	var rate atomic.Int64
	done := make(chan struct{})
	go func() { // ends with stdin
		defer close(done)
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			n, _ := strconv.ParseInt(lines.Text(), 10, 64) // from the parent
			rate.Store(n)
		}
	}()
	last, made := time.Now(), int64(0)
	for tick := time.NewTicker(time.Millisecond); ; {
		select {
		case <-done:
			return
		case now := <-tick.C:
			due := int64(now.Sub(last)) * rate.Load() / int64(time.Second)
			for range due {
				made++
				board.SetTrouble(fmt.Sprintf("event %d: a reason as long as those that people read", made))
			}
			if due > 0 || rate.Load() == 0 {
				last = now
			}
		}
	}
}
