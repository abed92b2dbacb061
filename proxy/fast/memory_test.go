//go:build linux

package fast

import (
	"errors"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/proxy/eventloop"
)

// resident returns the memory of the process.
func resident(t *testing.T) int {
	t.Helper()
	runtime.GC()
	runtime.GC()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(b))[1])
	return pages * os.Getpagesize()
}

// heapInUse returns the bytes of live objects.
func heapInUse() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestIdleMemory bounds the memory of an idle connection that has had a request. The
// clients are bare descriptors, so that all growth of the heap is the engine's.
func TestIdleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const conns = 2000
	f := serve(t, Options{}, frugal(t))
	for len(f.records) > 0 {
		<-f.records
	}
	clients := make([]eventloop.Socket, 0, conns)
	t.Cleanup(func() {
		for _, s := range clients {
			s.Close()
		}
	})
	to, err := eventloop.ResolveAddress("tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	one := func() {
		s, err := eventloop.Dial(to)
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, s)
		for n, errno := s.Write(frugalRequest); n == 0; n, errno = s.Write(frugalRequest) {
			if errno != 0 && errno != eventloop.ErrAgain {
				t.Fatal(errno)
			}
		}
		for n := 0; n == 0; n, _ = s.Read(buffer) {
			runtime.Gosched()
		}
		<-f.records
	}
	for range 50 {
		one()
	}
	before, pages := heapInUse(), resident(t)
	for range conns {
		one()
	}
	heap, rss := heapInUse()-before, resident(t)-pages
	t.Logf("an idle connection costs %d bytes of heap, %d of the process", heap/conns, rss/conns)
	if heap/conns > 512 {
		t.Errorf("an idle connection costs %d bytes", heap/conns)
	}
}

// bareListener accepts bare descriptors.
type bareListener struct {
	address string
	raw     syscall.RawConn
}

func listenBare(t *testing.T) *bareListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	t.Cleanup(func() { _ = file.Close() })
	raw, err := file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return &bareListener{l.Addr().String(), raw}
}

// accept waits for a connection.
func (l *bareListener) accept(t *testing.T) eventloop.Socket {
	t.Helper()
	var accepted eventloop.Socket
	err := l.raw.Read(func(listener uintptr) bool {
		fd, _, err := unix.Accept4(int(listener), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		accepted = eventloop.Socket(fd)
		return !errors.Is(err, unix.EAGAIN)
	})
	if err != nil {
		t.Fatal(err)
	}
	return accepted
}

// awaitBytes reads into buffer once there is something to read.
func awaitBytes(s eventloop.Socket, buffer []byte) {
	for n, errno := s.Read(buffer); n == 0 && errno == eventloop.ErrAgain; n, errno = s.Read(buffer) {
		runtime.Gosched()
	}
}

// TestIdleTunnelMemory bounds the memory of an idle tunnel. Both ends are bare
// descriptors.
func TestIdleTunnelMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const tunnels = 500
	l := listenBare(t)
	f := serve(t, Options{}, l.address)
	to, err := eventloop.ResolveAddress("tcp", f.address)
	if err != nil {
		t.Fatal(err)
	}
	ends := make([]eventloop.Socket, 0, 2*tunnels+100)
	t.Cleanup(func() {
		for _, s := range ends {
			s.Close()
		}
	})
	request := []byte("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n")
	answer := []byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n")
	buffer := make([]byte, 4096)
	open := func() {
		client, err := eventloop.Dial(to)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n == 0; n, _ = client.Write(request) {
		}
		instance := l.accept(t)
		ends = append(ends, client, instance)
		awaitBytes(instance, buffer)
		_, _ = instance.Write(answer)
		awaitBytes(client, buffer)
		<-f.records
	}
	for range 20 {
		open()
	}
	before := heapInUse()
	for range tunnels {
		open()
	}
	heap := (heapInUse() - before) / tunnels
	t.Logf("an idle tunnel costs %d bytes of heap", heap)
	if heap > 1024 {
		t.Errorf("an idle tunnel costs %d bytes", heap)
	}
	f.inWorkers(func(w *worker) {
		if n := w.loop.Buffers().InUse(); n != 0 {
			t.Errorf("%d buffers in use", n)
		}
	})
}
