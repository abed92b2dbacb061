package main

import "slices"

// A workload is one kind of traffic, or of silence. Each is measured over all
// peers before the next one; a new one is an entry in workloads, and a path in
// the origin if it wants another answer.
type workload struct {
	name        string // as -workloads knows it
	title       string // as the tables and plots show it
	kind        workloadKind
	path        string // what the client asks for
	bodyBytes   int    // length every answer must have
	upload      int    // length of the request's body; 0: a GET
	connections int    // one request at a time on each
	fresh       bool   // a connection per request, instead of keeping them
	upgrade     bool   // asks for another protocol, and receives it
	tls         bool   // over TLS
	resumed     bool   // over TLS, with the session of the connection before
}

// workloadKind says how a workload is driven.
type workloadKind uint8

const (
	// closedLoop sends the next request on a connection when the last is answered.
	closedLoop workloadKind = iota
	// openHalf sends at scheduled times, at half of the peer's own maximum.
	openHalf
	// openCommon sends at scheduled times, at half of the slowest peer's maximum.
	openCommon
	// idle holds connections on which nothing happens, and measures memory.
	idle
)

// calibration is the workload whose throughput is a peer's maximum. It must
// come before those of the open kinds.
const calibration = "get-64"

// maxFresh bounds the connections opened in one window: each leaves a TIME_WAIT
// behind for a minute, and a window ends early rather than fill the table.
const maxFresh = 20_000

// workloads lists all that can be asked for with -workloads.
func workloads() []workload {
	const small, medium, large = 64, 16 << 10, 1 << 20
	return []workload{
		{name: "get-1", title: "GET 64 B, 1 connection", path: "/", bodyBytes: small, connections: 1},
		{name: "get-8", title: "GET 64 B, 8 connections", path: "/", bodyBytes: small, connections: 8},
		{name: calibration, title: "GET 64 B, 64 connections", path: "/", bodyBytes: small, connections: 64},
		{name: "get-256", title: "GET 64 B, 256 connections", path: "/", bodyBytes: small, connections: 256},
		{name: "16k", title: "GET 16 KiB, 64 connections", path: "/16k", bodyBytes: medium, connections: 64},
		{name: "1m", title: "GET 1 MiB, 16 connections", path: "/1m", bodyBytes: large, connections: 16},
		{name: "post", title: "POST 16 KiB, 64 connections", path: "/upload", bodyBytes: small, upload: medium, connections: 64},
		{name: "chunked", title: "GET 16 chunks of 1 KiB, 64 connections", path: "/chunked", bodyBytes: medium, connections: 64},
		{name: "new", title: "GET 64 B, a new connection each, 64 at once", path: "/", bodyBytes: small, connections: 64, fresh: true},
		{name: "half", title: "GET 64 B at half of each peer's own maximum", kind: openHalf, path: "/", bodyBytes: small, connections: 64},
		{name: "common", title: "GET 64 B at half of the slowest peer's maximum", kind: openCommon, path: "/", bodyBytes: small, connections: 64},
		{name: "idle", title: "5,000 idle keep-alive connections", kind: idle, path: "/", bodyBytes: small, connections: 5000},
		{name: "https-8", title: "HTTPS GET 64 B, 8 connections", path: "/", bodyBytes: small, connections: 8, tls: true},
		{name: "https-64", title: "HTTPS GET 64 B, 64 connections", path: "/", bodyBytes: small, connections: 64, tls: true},
		{name: "https-1m", title: "HTTPS GET 1 MiB, 8 connections", path: "/1m", bodyBytes: large, connections: 8, tls: true},
		{name: "https-new", title: "HTTPS GET 64 B, a new connection each, 8 at once", path: "/", bodyBytes: small, connections: 8, fresh: true, tls: true},
		{name: "https-resumed", title: "HTTPS GET 64 B, a resumed connection each, 8 at once", path: "/", bodyBytes: small, connections: 8, fresh: true, tls: true, resumed: true},
		{name: "https-idle", title: "1,000 idle keep-alive connections of HTTPS", kind: idle, path: "/", bodyBytes: small, connections: 1000, tls: true},
		{name: "tunnels", title: "1,000 idle upgraded connections", kind: idle, path: "/tunnel", connections: 1000, upgrade: true},
	}
}

func workloadNames() []string {
	var names []string
	for _, w := range workloads() {
		names = append(names, w.name)
	}
	return names
}

// findWorkload returns the workload of that name.
func findWorkload(name string) (workload, bool) {
	all := workloads()
	i := slices.IndexFunc(all, func(w workload) bool { return w.name == name })
	if i < 0 {
		return workload{}, false
	}
	return all[i], true
}

// status is the code of the expected answer.
func (w workload) status() string {
	if w.upgrade {
		return "101"
	}
	return "200"
}

// request is the whole request, as sent to host.
func (w workload) request(host string) []byte {
	method, extra := "GET", ""
	if w.upload > 0 {
		method, extra = "POST", "Content-Type: application/octet-stream\r\nContent-Length: "+itoa(w.upload)+"\r\n"
	}
	switch {
	case w.fresh:
		extra += "Connection: close\r\n"
	case w.upgrade:
		// The key and answer of RFC 6455, 1.3: some proxies look at them.
		extra += "Connection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + webSocketKey + "\r\n"
	}
	head := method + " " + w.path + " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: bench\r\nAccept: */*\r\n" + extra + "\r\n"
	return append([]byte(head), filler(w.upload)...)
}
