//go:build linux

package fast

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/proxy/eventloop"
)

// frugal is an instance that allocates nothing for a request.
func frugal(t testing.TB) string {
	response := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 64\r\n\r\n" + strings.Repeat("x", 64))
	return script(t, func(c *peer) {
		buffer := make([]byte, 4096)
		for n := 0; ; {
			m, err := c.Read(buffer[n:])
			if err != nil {
				return
			}
			if n += m; bytes.HasSuffix(buffer[:n], []byte("\r\n\r\n")) {
				n = 0
				if _, err := c.Write(response); err != nil {
					return
				}
			}
		}
	})
}

var frugalRequest = []byte("GET /path?query HTTP/1.1\r\nHost: example.com\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")

// ask sends a request and reads the response of frugal.
func ask(t testing.TB, conn net.Conn, buffer []byte) {
	if _, err := conn.Write(frugalRequest); err != nil {
		t.Error(err)
		return
	}
	for n := 0; !bytes.HasSuffix(buffer[:n], []byte("xxxxxxxx")); {
		m, err := conn.Read(buffer[n:])
		if err != nil {
			t.Error(err)
			return
		}
		n += m
	}
}

// TestAllocations: a request on connections that are there allocates nothing,
// and holds no buffer when it is over.
func TestAllocations(t *testing.T) {
	f := serve(t, Options{}, frugal(t))
	conn, buffer := dial(t, f.address), make([]byte, 4096)
	drain := func() {
		for len(f.records) > 0 {
			<-f.records
		}
	}
	for range 100 {
		ask(t, conn, buffer)
	}
	drain()
	if n := testing.AllocsPerRun(1000, func() { ask(t, conn, buffer) }); n != 0 {
		t.Errorf("%v allocations for a request", n)
	}
	f.inWorkers(func(w *worker) {
		if w.loop.Buffers().InUse() != 0 {
			t.Errorf("%d buffers in use", w.loop.Buffers().InUse())
		}
	})
}

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

// TestOthersGetTime: other goroutines run although all loops are busy.
func TestOthersGetTime(t *testing.T) {
	f := serve(t, Options{}, frugal(t))
	other := server(t, func(http.ResponseWriter, *http.Request) {})
	var over atomic.Bool
	var clients sync.WaitGroup
	for range 64 {
		conn := dial(t, f.address)
		clients.Go(func() {
			for buffer := make([]byte, 4096); !over.Load(); {
				ask(t, conn, buffer)
				<-f.records
			}
		})
	}
	var took []time.Duration
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for range 100 {
		begin := time.Now()
		res, err := client.Get("http://" + other)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		took = append(took, time.Since(begin))
	}
	over.Store(true)
	clients.Wait()
	slices.Sort(took)
	t.Logf("median %v, 99 %% %v", took[50], took[98])
	if took[98] > 500*time.Millisecond { // 50 ms is the aim; the machine is shared
		t.Errorf("others wait for %v", took[98])
	}
}

// TestIdleTunnelMemory bounds the memory of an idle tunnel. Both ends are bare
// descriptors.
func TestIdleTunnelMemory(t *testing.T) {
	const tunnels = 500
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
	var accepted eventloop.Socket
	onReady := func(listener uintptr) bool {
		fd, _, err := unix.Accept4(int(listener), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		accepted = eventloop.Socket(fd)
		return !errors.Is(err, unix.EAGAIN)
	}
	f := serve(t, Options{}, l.Addr().String())
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
	const answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n"
	buffer := make([]byte, 4096)
	readUp := func(s eventloop.Socket) {
		for n, errno := s.Read(buffer); ; n, errno = s.Read(buffer) {
			if n > 0 || errno != eventloop.ErrAgain {
				return
			}
			runtime.Gosched()
		}
	}
	open := func() {
		client, err := eventloop.Dial(to)
		if err != nil {
			t.Fatal(err)
		}
		request := []byte("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n")
		for n := 0; n == 0; n, _ = client.Write(request) {
		}
		if err := raw.Read(onReady); err != nil {
			t.Fatal(err)
		}
		instance := accepted
		ends = append(ends, client, instance)
		readUp(instance)
		_, _ = instance.Write([]byte(answer))
		readUp(client)
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
		if w.loop.Buffers().InUse() != 0 {
			t.Errorf("%d buffers in use", w.loop.Buffers().InUse())
		}
	})
}
