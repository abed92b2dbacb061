package lent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// owner takes the work of a Stream, and gives the client what it says, at its own pace.
type owner struct {
	*Stream
	woken   chan struct{}
	got     []string
	content bytes.Buffer
	read    int
	peak    int // bytes that waited for the client
}

func newOwner(toHead bool) *owner {
	o := &owner{woken: make(chan struct{}, 1)}
	o.Stream = New(func() {
		select {
		case o.woken <- struct{}{}:
		default:
			panic("woken twice")
		}
	}, toHead)
	return o
}

// take does the work that there is. It reports whether it was the last.
func (o *owner) take() bool {
	w := o.Take()
	o.read += w.Read
	for _, h := range w.Heads {
		o.got = append(o.got, fmt.Sprint(h.Status, h.Fields))
	}
	o.peak = max(o.peak, len(w.Content))
	o.content.Write(w.Content)
	if w.Ended {
		o.got = append(o.got, fmt.Sprint("ended ", w.Trailer))
	}
	if w.Broken {
		o.got = append(o.got, "broken")
	}
	return w.Finished
}

// serve does all work.
func (o *owner) serve() {
	for range o.woken {
		done := o.take()
		o.Sent()
		if done {
			return
		}
	}
}

// want fails the test unless the owner got these heads and ends.
func (o *owner) want(t *testing.T, got ...string) {
	t.Helper()
	if !slices.Equal(o.got, got) {
		t.Errorf("got %q, want %q", o.got, got)
	}
}

// TestStream checks that a response arrives as it was written, in its order.
func TestStream(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		toHead, broken bool
		write          func(*Stream)
		content        string
		want           []string
	}{
		"empty":       {write: func(*Stream) {}, want: []string{"200 []", "ended []"}},
		"broken":      {broken: true, write: func(*Stream) {}, want: []string{"ended []", "broken"}},
		"content":     {write: func(s *Stream) { _, _ = s.Write([]byte("abc")) }, content: "abc", want: []string{"200 []", "ended []"}},
		"head":        {toHead: true, write: func(s *Stream) { _, _ = s.Write([]byte("abc")) }, want: []string{"200 []", "ended []"}},
		"second head": {write: func(s *Stream) { s.WriteHeader(404); s.WriteHeader(200) }, want: []string{"404 []", "ended []"}},
		"fields": {write: func(s *Stream) {
			s.Header().Set("A", "1")
			s.WriteHeader(103)
			s.Header().Add("A", "2")
			s.Header().Set("Connection", "close")
			s.WriteHeader(404)
			_ = s.FlushError()
			s.Header().Set(http.TrailerPrefix+"B", "3")
		}, want: []string{"103 [{A 1}]", "404 [{A 1} {A 2}]", "ended [{B 3}]"}},
		"closed": {write: func(s *Stream) {
			_, _ = s.Write([]byte("abc"))
			s.CloseWrite()
		}, content: "abc", want: []string{"200 []", "ended []"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOwner(c.toHead)
			go func() {
				c.write(o.Stream)
				o.Finish(c.broken)
			}()
			o.serve()
			o.want(t, c.want...)
			if o.content.String() != c.content {
				t.Errorf("content %q", &o.content)
			}
		})
	}
}

// TestBounds checks that much content passes both ways with little memory, in any pieces.
func TestBounds(t *testing.T) {
	t.Parallel()
	const size = 4 << 20
	o := newOwner(false)
	sent := make([]byte, size)
	for i := range sent {
		sent[i] = byte(i * 7 / 3)
	}
	go func() { // echoes until the content ends
		_, err := io.CopyBuffer(struct{ io.Writer }{o.Stream}, struct{ io.Reader }{o.Stream}, make([]byte, 7000))
		o.Finish(err != nil || string(o.Trailer()) != "x: 1\r\n")
	}()
	const window = 64 << 10
	r := rand.New(rand.NewPCG(1, 2))
	for fed, done := 0, false; !done; {
		for fed < size && fed-o.read < window {
			n := min(1+r.IntN(maxOutput), size-fed, window-(fed-o.read))
			o.Feed(sent[fed:fed+n], fed+n == size, []byte("x: 1\r\n"))
			fed += n
		}
		<-o.woken
		done = o.take()
		o.Sent()
	}
	o.want(t, "200 []", "ended []")
	if !bytes.Equal(o.content.Bytes(), sent) {
		t.Error("other content came back")
	}
	if o.peak > maxOutput || cap(o.in) > 4*window {
		t.Errorf("%d bytes waited for the client, and %d for the reader", o.peak, cap(o.in))
	}
}

// TestWaits checks that a write waits for the client, that a read waits for content, and
// that a deadline and the end of the client end both.
func TestWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOwner(false)
		ctx, cancel := context.WithCancel(t.Context())
		o.Bind(cancel)
		_ = o.SetWriteDeadline(time.Now().Add(time.Second))
		if n, err := o.Write(make([]byte, maxOutput+1)); n != maxOutput || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wrote %d, %v", n, err)
		}
		<-o.woken
		o.take() // what was taken waits for the client, too
		_ = o.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := o.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read %v", err)
		}
		_ = o.SetReadDeadline(time.Time{})
		_ = o.SetWriteDeadline(time.Time{})
		failed := make(chan error, 2)
		go func() { _, err := o.Read(make([]byte, 1)); failed <- err }()
		go func() { _, err := o.Write(make([]byte, 1)); failed <- err }()
		synctest.Wait()
		if len(failed) > 0 {
			t.Fatal("did not wait")
		}
		o.Gone()
		for range 2 {
			if err := <-failed; !errors.Is(err, errGone) {
				t.Errorf("got %v", err)
			}
		}
		if ctx.Err() == nil || o.FlushError() == nil {
			t.Error("the goroutine was not told")
		}
		late, cancel := context.WithCancel(t.Context())
		o.Bind(cancel)
		if late.Err() == nil {
			t.Error("the goroutine was not told that the client was gone before")
		}
		o.Finish(true)
	})
}
