package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// asOneAtATime in the environment makes the test binary an app that serves one
// request at a time.
const asOneAtATime = "DYNLB_TEST_AS_ONE_AT_A_TIME"

// oneAtATime is a server like gunicorn's default worker, unicorn and php -S: while it
// works on a request, all other connections wait, also those of health checks.
func oneAtATime() {
	l, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		request, err := http.ReadRequest(bufio.NewReader(conn))
		if err == nil {
			serveOne(conn, request)
		}
		_ = conn.Close()
	}
}

// serveOne responds as the path of a request says:
//
//	/work?ms=N    after N ms
//	/stream?ms=N  at once, with content for N ms
//	/upload       after the content of the request
//	/spin         never
func serveOne(w io.Writer, r *http.Request) {
	if r.URL.Path != "/health" {
		fmt.Println("request is here:", r.URL.Path)
	}
	ms, _ := strconv.Atoi(r.FormValue("ms"))
	const head = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
	switch r.URL.Path {
	case "/work":
		time.Sleep(time.Duration(ms) * time.Millisecond) // the work
	case "/stream":
		_, _ = io.WriteString(w, head+"\r\n") // a failure ends the content
		for begun := time.Now(); time.Since(begun) < time.Duration(ms)*time.Millisecond; {
			_, _ = io.WriteString(w, "piece\n")
			time.Sleep(50 * time.Millisecond) // the pace of the content
		}
		_, _ = io.WriteString(w, "end\n")
		return
	case "/upload":
		_, _ = io.Copy(io.Discard, r.Body)
	case "/spin":
		for { //nolint:staticcheck // using all CPU is the point
		}
	}
	_, _ = io.WriteString(w, head+"Content-Length: 3\r\n\r\nok\n")
}
