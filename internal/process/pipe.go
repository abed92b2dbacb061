package process

import (
	"os"
	"syscall"
	"time"
)

// Pipe returns the two ends of a pipe for what a child prints. The read end is a plain
// descriptor that does not block: a process that only holds it is not woken by what
// arrives.
func Pipe() (read int, write *os.File, err error) {
	var ends [2]int
	syscall.ForkLock.RLock()
	err = syscall.Pipe(ends[:])
	if err == nil {
		syscall.CloseOnExec(ends[0])
		syscall.CloseOnExec(ends[1])
	}
	syscall.ForkLock.RUnlock()
	if err == nil {
		err = syscall.SetNonblock(ends[0], true)
	}
	if err != nil {
		return -1, nil, os.NewSyscallError("pipe", err)
	}
	return ends[0], os.NewFile(uintptr(ends[1]), "output"), nil
}

// Pipes are the read ends of what a child prints, and the lines that were begun and not
// ended when their last reader stopped.
type Pipes struct {
	Stdout, Stderr           *os.File
	StdoutBegun, StderrBegun []byte
	// Tail are the last lines that the reader before has read, and Dropped is how many
	// lines it has dropped.
	Tail    []string
	Dropped uint64
}

// reader copies one stream of a child to a lineWriter.
type reader struct {
	file *os.File
	to   *lineWriter
	done chan struct{} // closed when run has returned
}

// readSize is how many bytes are read at a time, half of what a pipe holds.
const readSize = 32 << 10

func newReader(file *os.File, to *lineWriter) *reader {
	r := &reader{file: file, to: to, done: make(chan struct{})}
	go r.run() // ends with the stream, or by stop
	return r
}

func (r *reader) run() {
	defer close(r.done)
	buffer := make([]byte, readSize)
	for {
		n, err := r.file.Read(buffer)
		_, _ = r.to.Write(buffer[:n]) // it never fails
		if err != nil {
			return
		}
	}
}

// stop ends reading, and waits until it has ended; what is in the pipe stays there.
func (r *reader) stop() {
	_ = r.file.SetReadDeadline(time.Unix(1, 0)) // it fails for a closed file only
	<-r.done
}
