package daemontest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// The ports of instances: below the kernel's ephemeral ones, which begin at 32768
// on Linux. Each test binary has a block of its own, and each daemon a range of it.
const (
	firstPort = 20000
	lastPort  = 32000
	rangeSize = 150                    // a hundred calls of ScaleTo on a busy machine take more than fifty
	ranges    = 6                      // more than tests run at a time
	blockSize = ranges*rangeSize + 100 // the others are for FreeAddress, and the last one for the claim
)

// block is the block of ports of this test binary.
type block struct {
	first int
	claim net.Listener // keeps other test binaries from the block until the process ends
}

// ownBlock returns the block of this process.
var ownBlock = sync.OnceValues(func() (b block, err error) {
	blocks := (lastPort - firstPort) / blockSize
	for i := range blocks {
		b.first = firstPort + (os.Getpid()+i)%blocks*blockSize
		if b.claim, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", b.first+blockSize-1)); err == nil {
			return b, nil
		}
	}
	return block{}, fmt.Errorf("take ports from %d to %d: %w", firstPort, lastPort, err)
})

// freeRanges holds the first ports of the ranges that no daemon has.
var freeRanges = sync.OnceValue(func() chan int {
	free := make(chan int, ranges)
	for i := range ranges {
		free <- i * rangeSize
	}
	return free
})

// PortRange returns the first of rangeSize ports that are the test's until it ends.
func PortRange(t testing.TB) int {
	t.Helper()
	own, err := ownBlock()
	if err != nil {
		t.Fatal(err)
	}
	offset := <-freeRanges()
	t.Cleanup(func() { freeRanges() <- offset })
	return own.first + offset
}

// addresses counts the ports that FreeAddress has returned.
var addresses atomic.Int32

// FreeAddress returns an address that nothing listens on. No other test and no
// outgoing connection uses its port.
func FreeAddress(t testing.TB) string {
	t.Helper()
	own, err := ownBlock()
	if err != nil {
		t.Fatal(err)
	}
	const count = blockSize - ranges*rangeSize - 1
	for range count {
		port := own.first + ranges*rangeSize + int(addresses.Add(1))%count
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// Complete returns a config with the keys that every test needs, where yaml does
// not have them: listeners on any free ports, and instances from basePort up.
// A test must not depend on what else the machine does, so the processors are no limit.
func Complete(yaml string, basePort int) string {
	for _, line := range []string{
		"listen: 127.0.0.1:0", "admin: 127.0.0.1:0", "adminHTTP: 127.0.0.1:0", "basePort: " + strconv.Itoa(basePort),
		"brakes: {cpu: false}",
	} {
		key, _, _ := strings.Cut(line, " ")
		if !strings.Contains("\n"+yaml, "\n"+key) {
			yaml = strings.TrimSuffix(yaml, "\n") + "\n" + line + "\n"
		}
	}
	return yaml
}

// InstancesOn returns the processes that listen, by their command lines, on a port of
// the range from basePort.
func InstancesOn(basePort int) []int {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is good
	var out []int
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // gone
		}
		args := strings.Split(string(data), "\x00")
		for i, arg := range args {
			if arg != "--port" || i+1 == len(args) {
				continue
			}
			if port, err := strconv.Atoi(args[i+1]); err == nil && port >= basePort && port < basePort+rangeSize {
				pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
				out = append(out, pid)
			}
		}
	}
	return out
}
