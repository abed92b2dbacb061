#!/usr/bin/env bash
# The HTTP/2 client of Go's net/http sends two WINDOW_UPDATE frames for each 4 KiB of a
# response that its caller reads.
#
# Expected: a client with a window of some MiB says that it has room again once a good part
# of it is used: one or two dozen frames for 4 MiB.
# Seen: about 2,000 frames, one for the stream and one for the connection after each 4 KiB
# that the caller has read, though the window is 4 MiB.
#
# For a load balancer: a server that counts frames without content against floods must
# let content earn frames again, or it turns this client away; and each of them is read
# and decrypted.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
printf 'module finding\n\ngo 1.26.0\n' > go.mod
cat > main.go <<'PROGRAM'
// Sends 4 MiB to net/http in frames of 16 KiB, and counts the frames that come back.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const size = 4 << 20

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	counts := make(chan map[uint32]int, 1)
	go func() { counts <- serve(l) }()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	response, err := (&http.Client{Transport: transport}).Get("http://" + l.Addr().String())
	if err != nil {
		panic(err)
	}
	n, buffer := 0, make([]byte, 4<<10)
	for err == nil {
		var m int
		m, err = response.Body.Read(buffer)
		n += m
	}
	fmt.Println(runtime.Version(), "client read", n, err)
	transport.CloseIdleConnections()
	c := <-counts
	fmt.Println("WINDOW_UPDATE of the stream:", c[1])
	fmt.Println("WINDOW_UPDATE of the connection:", c[0])
}

func serve(l net.Listener) map[uint32]int {
	conn, err := l.Accept()
	if err != nil {
		panic(err)
	}
	_, _ = io.ReadFull(conn, make([]byte, len(http2.ClientPreface)))
	f := http2.NewFramer(conn, conn)
	_ = f.WriteSettings()
	counts := map[uint32]int{}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return counts
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				_ = f.WriteSettingsAck()
			}
		case *http2.WindowUpdateFrame:
			counts[frame.StreamID]++
		case *http2.HeadersFrame:
			counts = map[uint32]int{}
			go respond(f, frame.StreamID)
		}
	}
}

// respond sends no more than the 4 MiB of the stream, and the window of the connection is larger.
func respond(f *http2.Framer, id uint32) {
	var head writer
	_ = hpack.NewEncoder(&head).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: head, EndHeaders: true})
	for sent := 0; sent < size; sent += 16 << 10 {
		_ = f.WriteData(id, sent+16<<10 >= size, make([]byte, 16<<10))
	}
}

type writer []byte

func (w *writer) Write(b []byte) (int, error) {
	*w = append(*w, b...)
	return len(b), nil
}
PROGRAM
go get golang.org/x/net@v0.61.0 2> /dev/null
go mod tidy 2> /dev/null
go run . | tee seen
awk '/^WINDOW_UPDATE/ {n++; if ($NF < 900) exit 1} END {exit n != 2}' seen && echo 'as found'
