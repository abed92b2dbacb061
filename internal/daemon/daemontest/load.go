package daemontest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Load are clients that send requests until Stop.
type Load struct {
	t       testing.TB
	Done    atomic.Int64 // requests that have ended
	failed  atomic.Int64
	end     chan struct{}
	clients sync.WaitGroup
	begun   sync.WaitGroup // clients without a first response
}

// StartLoad starts n clients that GET path again and again, each on its own
// connection, and connect again when that is closed. Unlike http.Client they never
// repeat a request. It returns when each client has had its first response.
func StartLoad(t testing.TB, n int, url, path string) *Load {
	t.Helper()
	l := &Load{t: t, end: make(chan struct{})}
	for range n {
		l.begun.Add(1)
		l.clients.Go(func() { l.client(strings.TrimPrefix(url, "http://"), path) })
	}
	l.begun.Wait()
	return l
}

func (l *Load) client(address, path string) {
	var conn *http.ClientConn
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	transport := &http.Transport{}
	begun := sync.OnceFunc(l.begun.Done)
	defer begun()
	for {
		select {
		case <-l.end:
			return
		default:
		}
		var err error
		if conn == nil || !comesBack(conn) {
			if conn != nil {
				_ = conn.Close()
			}
			conn, err = transport.NewClientConn(context.Background(), "http", address)
		}
		if err == nil {
			err = get(conn, "http://"+address+path)
		}
		l.Done.Add(1)
		begun()
		if err != nil {
			l.failed.Add(1)
			l.t.Errorf("request: %v", err)
			return
		}
	}
}

// comesBack waits until a connection can be used again, a moment after the content of its
// response has ended, and reports whether it can.
func comesBack(conn *http.ClientConn) bool {
	for conn.Available() == 0 && conn.Err() == nil {
		time.Sleep(100 * time.Microsecond)
	}
	return conn.Available() > 0
}

func get(conn *http.ClientConn, url string) error {
	request, err := http.NewRequest(http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := conn.RoundTrip(request)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", response.StatusCode, body)
	}
	return err
}

// Stop ends the load. All requests must have succeeded.
func (l *Load) Stop() {
	l.t.Helper()
	close(l.end)
	l.clients.Wait()
	if done, failed := l.Done.Load(), l.failed.Load(); failed > 0 || done == 0 {
		l.t.Errorf("%d of %d requests failed", failed, done)
	}
}
