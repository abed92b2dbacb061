package process

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

// collector collects lines. It does not block, so a test may read it after Done.
type collector struct{ lines []Line }

func (c *collector) add(l Line) error {
	c.lines = append(c.lines, l)
	return nil
}

// until returns a Spec.Output that blocks until release is closed.
func until(release <-chan struct{}) func(Line) error {
	return func(Line) error {
		<-release
		return nil
	}
}

func (c *collector) of(stream string) []string {
	var texts []string
	for _, l := range c.lines {
		if l.Stream == stream {
			texts = append(texts, l.Text)
		}
	}
	return texts
}

func TestOutput(t *testing.T) {
	t.Parallel()
	var got collector
	spec := roleSpec("print", `one\r\n\ntwo \x1b[31mred\x1b[0m\nlast`, `oops\n`)
	spec.Output = got.add
	p := start(t, spec)
	exit := await(t, p)
	if want := []string{"one", "", "two red", "last"}; !slices.Equal(got.of(Stdout), want) {
		t.Errorf("stdout = %q, want %q", got.of(Stdout), want)
	}
	if want := []string{"oops"}; !slices.Equal(got.of(Stderr), want) {
		t.Errorf("stderr = %q, want %q", got.of(Stderr), want)
	}
	if len(exit.Output) != 4 || exit.Dropped != 0 {
		t.Errorf("exit = %+v, want the four lines that are not blank, none dropped", exit)
	}
}

func TestTailIsBounded(t *testing.T) {
	t.Parallel()
	p := start(t, roleSpec("lines", "1000"))
	exit := await(t, p)
	if n := len(exit.Output); n != tailLines || exit.Output[n-1] != "line 999" || exit.Output[0] != "line 980" {
		t.Errorf("last lines = %q, want line 980 to line 999", exit.Output)
	}
	if !slices.Equal(p.Tail(), exit.Output) {
		t.Errorf("Tail() = %q, Exit().Output = %q, want the same", p.Tail(), exit.Output)
	}

	p = start(t, roleSpec("print", strings.Repeat("é", 2000), ""))
	exit = await(t, p)
	if want := strings.Repeat("é", tailLineBytes/2); len(exit.Output) != 1 || exit.Output[0] != want {
		t.Errorf("last lines = %q, want %d bytes of é", exit.Output, tailLineBytes)
	}
}

func TestEndlessLine(t *testing.T) {
	const size = 100 << 20
	var got collector
	spec := roleSpec("endless", fmt.Sprint(size))
	spec.Output = got.add
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p := start(t, spec)
	exit := await(t, p)
	runtime.ReadMemStats(&after)
	if exit.Code != 0 {
		t.Errorf("exit = %+v, want everything written", exit)
	}
	if len(got.lines) != 1 || !got.lines[0].Truncated || len(got.lines[0].Text) != maxLine {
		t.Errorf("got %d lines, want one of %d bytes, truncated", len(got.lines), maxLine)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
		t.Errorf("%d bytes allocated for %d bytes of output", grown, size)
	}
}

// A child that prints 100 MiB while Spec.Output blocks is held up once, for a limited
// time. It takes no more memory than the queue, and each dropped line is counted.
func TestFloodWhileOutputIsStuck(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const lines, each = 1600, 1 << 16 // 100 MiB
	release := make(chan struct{})
	spec := roleSpec("flood", fmt.Sprint(lines), fmt.Sprint(each))
	spec.Output = until(release)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p := start(t, spec)
	exit := await(t, p)
	runtime.ReadMemStats(&after)
	queued := p.output.size()
	close(release)
	<-p.output.delivered
	if exit.Code != 0 {
		t.Errorf("exit = %+v, want everything written", exit)
	}
	if exit.Dropped != lines-1 { // Spec.Output has the first one
		t.Errorf("dropped %d of %d lines, want all but one", exit.Dropped, lines)
	}
	if queued > maxQueueBytes {
		t.Errorf("%d bytes queued, want at most %d", queued, maxQueueBytes)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
		t.Errorf("%d bytes allocated for %d bytes of output", grown, lines*each)
	}
}

// A Spec.Output that blocks loses lines, and does not hold up the child without end.
func TestSlowOutputDropsLines(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	release := make(chan struct{})
	var got collector
	const lines, minQueueLines = 100_000, 256
	line := processtest.NewLifeline(t)
	spec := roleSpec("lines", fmt.Sprint(lines), line.Address())
	spec.Output = func(l Line) error {
		<-release
		return got.add(l)
	}
	p := start(t, spec)
	child := line.Accept() // it has printed all lines; a pipe holds a small part of them
	if p.Dropped() == 0 {
		t.Error("no line dropped while Spec.Output blocks")
	}
	close(release)
	child.Close()
	exit := await(t, p)
	if exit.Code != 0 {
		t.Errorf("exit = %+v, want everything written", exit)
	}
	if exit.Output[tailLines-1] != fmt.Sprintf("line %d", lines-1) {
		t.Errorf("last line = %q, want it kept, dropped or not", exit.Output[tailLines-1])
	}
	<-p.output.delivered
	if n := uint64(len(got.lines)); n < minQueueLines || n+exit.Dropped != lines {
		t.Errorf("delivered %d and dropped %d, want %d in all, and %d delivered at least", n, exit.Dropped, lines, minQueueLines)
	}
}

// An output that is closed while its function blocks drops all lines but the one
// that the function has.
func TestStuckOutputEnds(t *testing.T) {
	t.Parallel()
	const lines = 10
	var got collector
	began, release := make(chan struct{}, lines), make(chan struct{})
	o := newOutput(func(l Line) error {
		began <- struct{}{}
		<-release
		return got.add(l)
	}, nil)
	for range lines {
		_, _ = o.stdout.Write([]byte("line\n"))
	}
	<-began
	o.close(time.Millisecond)
	if dropped := o.dropped.Load(); dropped != lines-1 {
		t.Errorf("dropped %d of %d lines, want all but one", dropped, lines)
	}
	close(release)
	<-o.delivered
	if len(got.lines) != 1 {
		t.Errorf("delivered %d lines, want one", len(got.lines))
	}
}

func TestQueueIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	o := newOutput(until(release), nil)
	line := append([]byte(strings.Repeat("x", maxLine)), '\n')
	for range 2 * maxQueueBytes / maxLine {
		_, _ = o.stdout.Write(line)
	}
	if n := o.size(); n > maxQueueBytes {
		t.Errorf("%d bytes queued, want at most %d", n, maxQueueBytes)
	}
	if o.dropped.Load() == 0 {
		t.Error("no line dropped")
	}
	close(release)
	o.close(processtest.Limit)
}

// size returns the bytes that wait in an output.
func (o *output) size() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queued
}
