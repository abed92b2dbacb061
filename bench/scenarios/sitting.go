package main

import (
	"context"
	"net"
	"strings"
	"sync"
	"time"
)

// sitting are clients that hold a connection and ask for no work: upgraded
// connections, readers of silent streams, and uploads of a byte per second.
type sitting struct{ upgrades, streams, uploads int }

// sit opens the connections, and returns what closes them.
func (c sitting) sit(ctx context.Context, url string) (leave func()) {
	ctx, cancel := context.WithCancel(ctx)
	address := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
	var all sync.WaitGroup
	for head, n := range map[string]int{
		"GET /sit HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n": c.upgrades,
		"GET /sit HTTP/1.1\r\nHost: a\r\n\r\n":                                              c.streams,
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n":                        c.uploads,
	} {
		for range n {
			all.Go(func() { hold(ctx, address, head, strings.HasPrefix(head, "POST")) })
		}
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// hold sends the head of a request and holds the connection until ctx ends.
func hold(ctx context.Context, address, head string, uploads bool) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	_, _ = conn.Write([]byte(head))
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if uploads {
				_, _ = conn.Write([]byte("x"))
			}
		case <-ctx.Done():
			return
		}
	}
}
