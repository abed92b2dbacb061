#!/usr/bin/env bash
# The HTTP/2 client of Go's net/http keeps a connection whose only request was given up, also
# if CloseIdleConnections is called right after.
#
# Expected: a Transport for one request, whose context ends, has nothing left after
# CloseIdleConnections.
# Seen: RoundTrip returns before the stream is forgotten, so the connection is not idle yet.
# Nothing closes it later, as a Transport has no idle timeout by default: a descriptor and a
# goroutine stay for each request that was given up.
#
# For a load balancer: a health check over HTTP/2 must close its connection itself. A Transport
# for each check leaks one for each check that gets no answer in time.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
printf 'module finding\n\ngo 1.26.0\n' > go.mod
cat > main.go <<'PROGRAM'
// Gives requests up that have no response, and counts the connections that the server has.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	var open atomic.Int64
	arrived := make(chan struct{}, 1)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Protocols: protocols,
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			<-r.Context().Done()
		}),
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				open.Add(1)
			case http.StateClosed:
				open.Add(-1)
			}
		},
	}
	go func() { _ = server.Serve(l) }()
	const requests = 20
	for range requests {
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-arrived; cancel() }()
		transport := &http.Transport{Protocols: protocols}
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Addr().String(), nil)
		_, err := transport.RoundTrip(r)
		transport.CloseIdleConnections()
		if err == nil {
			panic("a response")
		}
	}
	time.Sleep(2 * time.Second) // more than enough to close them
	fmt.Println(runtime.Version(), "requests given up:", requests)
	fmt.Println("connections that are still open:", open.Load())
}
PROGRAM
go run . | tee seen
awk '/^connections/ && $NF > 0 {found = 1} END {exit !found}' seen && echo 'as found'
