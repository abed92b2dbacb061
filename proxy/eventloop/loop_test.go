//go:build linux

package eventloop_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/eventloop"
)

// TestLines: each of many clients gets its own lines, in any pieces and at any speed.
func TestLines(t *testing.T) {
	t.Parallel()
	s := newLines(t, eventloop.Options{Loops: 2})
	var talking sync.WaitGroup
	for n := range 16 {
		c := s.dial(t)
		random := rand.New(rand.NewPCG(uint64(n), 0))
		var text []byte
		for range 100 {
			text = fmt.Appendf(text, "%d %s\n", n, strings.Repeat("abcdefgh", random.IntN(200)))
		}
		if n%4 == 0 {
			_ = c.SetReadBuffer(4 << 10)
		}
		talking.Go(func() {
			for b := text; len(b) > 0; {
				piece := b[:min(len(b), 1+random.IntN(5000))]
				if _, err := c.Write(piece); err != nil {
					t.Error(err)
				}
				b = b[len(piece):]
			}
			_ = c.CloseWrite()
		})
		talking.Go(func() {
			got, err := io.ReadAll(c)
			if err != nil || !bytes.EqualFold(got, text) {
				t.Errorf("got %d bytes, %v; want %d", len(got), err, len(text))
			}
		})
	}
	talking.Wait()
}

// TestIdleHoldsNothing: an idle connection has no buffer.
func TestIdleHoldsNothing(t *testing.T) {
	t.Parallel()
	s := newLines(t, eventloop.Options{})
	for range 10 {
		c := s.dial(t)
		if _, err := io.WriteString(c, "half a"); err != nil {
			t.Fatal(err)
		}
		c.say(t, " line", "HALF A LINE")
	}
	s.inLoops(func(l *eventloop.Loop) {
		if n := l.Buffers().InUse(); n != 0 {
			t.Errorf("%d buffers in use", n)
		}
	})
}

// TestExpired: a deadline is met, and one that is cleared is not.
func TestExpired(t *testing.T) {
	t.Parallel()
	s := newLines(t, eventloop.Options{Loops: 1})
	cleared, silent := s.dial(t), s.dial(t)
	cleared.say(t, "hello\n!quiet", "HELLO")
	cleared.say(t, "more", "MORE") // which clears it
	began := time.Now()
	silent.say(t, "hello\n!quiet", "HELLO")
	if rest, err := io.ReadAll(silent.r); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v; want the end", rest, err)
	}
	<-s.expired
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("it expired after %v", took)
	}
	cleared.say(t, "still there", "STILL THERE")
}

// TestHeldUp: the clock leaves out time in which the loop was held up.
func TestHeldUp(t *testing.T) {
	t.Parallel()
	s := newLines(t, eventloop.Options{Loops: 1})
	c := s.dial(t)
	c.say(t, "hello", "HELLO")
	const held = 2 * time.Second
	s.inLoops(func(l *eventloop.Loop) {
		l.Begin()
		before := l.Now()
		time.Sleep(held) // it is held up
		l.Post(eventloop.Func(func() {
			if passed := time.Duration(l.Now() - before); passed > held/2 {
				t.Errorf("%v passed for the loop", passed)
			}
			l.End()
		}))
	})
	s.inLoops(func(*eventloop.Loop) {})
	c.say(t, "still there", "STILL THERE")
}

// TestDetach: a connection goes on as one of package net.
func TestDetach(t *testing.T) {
	t.Parallel()
	s := newLines(t, eventloop.Options{})
	c := s.dial(t)
	c.say(t, "hello", "HELLO")
	if _, err := io.WriteString(c, "!detach\nrest"); err != nil {
		t.Fatal(err)
	}
	conn := <-s.detached
	if n := s.group.Open(); n != 1 {
		t.Errorf("%d connections counted, want 1", n)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(io.MultiReader(bytes.NewReader(conn.unread), conn), got); err != nil || string(got) != "rest" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := io.WriteString(conn, "bye\n"); err != nil {
		t.Error(err)
	}
	if line, err := c.r.ReadString('\n'); line != "bye\n" {
		t.Errorf("got %q, %v", line, err)
	}
	_ = conn.Close()
	for range 2 { // counted once
		conn.closed()
	}
	if n := s.group.Open(); n != 0 {
		t.Errorf("%d connections counted, want 0", n)
	}
}

// TestPipe: bytes go through a pipe as they are.
func TestPipe(t *testing.T) {
	t.Parallel()
	s := newLines(t, eventloop.Options{Loops: 1})
	c := s.dial(t)
	c.say(t, "!relay", "go")
	text := bytes.Repeat([]byte("small\n"), 1<<20/6+1)[:1<<20]
	go func() { _, _ = c.Write(text) }()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c.r, got); err != nil || !bytes.Equal(got, text) {
		t.Fatalf("not what was sent: %v", err)
	}
	c.say(t, "\nhello", "") // the line that the last byte is in ends here
	if line, err := c.r.ReadString('\n'); line != "HELLO\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

// TestAllocations: an answer on a connection that is there allocates nothing.
func TestAllocations(t *testing.T) {
	s := newLines(t, eventloop.Options{Loops: 1})
	c := s.dial(t)
	question, answer := []byte("hello\n"), make([]byte, 64)
	ask := func() {
		if _, err := c.Write(question); err != nil {
			t.Error(err)
		}
		if _, err := io.ReadFull(c, answer[:len(question)]); err != nil {
			t.Error(err)
		}
	}
	if n := testing.AllocsPerRun(1000, ask); n > 0 {
		t.Errorf("%v allocations for an answer", n)
	}
}

// TestPost: the tasks of one goroutine run in the order in which it posts them.
func TestPost(t *testing.T) {
	t.Parallel()
	s := newLines(t, eventloop.Options{Loops: 1})
	l := s.group.Loops()[0]
	var posting sync.WaitGroup
	sums := make([]int, 8) // the loop's
	for n := range sums {
		posting.Go(func() {
			for i := range 1000 {
				l.Post(eventloop.Func(func() {
					if sums[n] != i {
						t.Errorf("task %d came after %d", i, sums[n])
					}
					sums[n]++
				}))
			}
		})
	}
	posting.Wait()
	s.inLoops(func(*eventloop.Loop) {
		for _, n := range sums {
			if n != 1000 {
				t.Errorf("%d tasks ran, want 1000", n)
			}
		}
	})
}
