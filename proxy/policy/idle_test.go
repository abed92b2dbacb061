package policy

import (
	"context"
	"io"
	"testing"
	"time"
)

func wantLimits(t *testing.T, idle *IdleTime, idempotent, other time.Duration) {
	t.Helper()
	if a, b := idle.Limit(true, StaleAfter), idle.Limit(false, StaleAfter); a != idempotent || b != other {
		t.Errorf("limits %v and %v, want %v and %v", a, b, idempotent, other)
	}
}

// TestIdleTime: a request that cannot be repeated uses only a connection whose idle time
// others have survived twice.
func TestIdleTime(t *testing.T) {
	t.Parallel()
	var idle IdleTime
	wantLimits(t, &idle, StaleAfter, 0)
	idle.Survived(Settle) // the instance may still end each connection after a response
	wantLimits(t, &idle, StaleAfter, 0)
	idle.Answered(time.Millisecond)
	wantLimits(t, &idle, StaleAfter, Settle/2)
	idle.Survived(2 * time.Second)
	wantLimits(t, &idle, StaleAfter, time.Second)
	idle.Ended(time.Second)
	idle.Ended(3 * time.Second)
	wantLimits(t, &idle, 750*time.Millisecond, 500*time.Millisecond)
	idle.Ended(0)
	wantLimits(t, &idle, 1, 0)

	var posts IdleTime
	posts.Survived(longIdle)
	wantLimits(t, &posts, StaleAfter, longIdle/2)
}

// TestIdleTimeFresh: a flood of requests does not take all ports before something is known,
// unless the instances are known to end connections.
func TestIdleTimeFresh(t *testing.T) {
	t.Parallel()
	for _, ends := range []bool{false, true} {
		var idle IdleTime
		idle.Survived(Settle)
		if ends {
			idle.Ended(2 * Settle)
		}
		fresh := 0
		for idle.Limit(false, StaleAfter) == 0 && fresh < 2*maxFresh {
			fresh++
		}
		if want := map[bool]int{false: maxFresh, true: 2 * maxFresh}[ends]; fresh != want {
			t.Errorf("ends %t: %d new connections, want %d", ends, fresh, want)
		}
	}
}

// TestIdleTimeForgotten: an end that many connections contradict is forgotten.
func TestIdleTimeForgotten(t *testing.T) {
	t.Parallel()
	var idle IdleTime
	idle.Ended(time.Millisecond) // the instance died
	for range maxDoubt - 1 {
		idle.Survived(Settle)
	}
	idle.Ended(time.Millisecond)
	for range maxDoubt {
		wantLimits(t, &idle, 750*time.Microsecond, 0)
		idle.Survived(Settle)
	}
	wantLimits(t, &idle, StaleAfter, 0)
}

func TestIdleTimePromised(t *testing.T) {
	t.Parallel()
	var idle IdleTime
	idle.Promised(0)
	wantLimits(t, &idle, StaleAfter, 0)
	idle.Promised(2)
	wantLimits(t, &idle, 1500*time.Millisecond, time.Second)
}

func TestIdleTimeBroke(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		broken BrokenError
		want   bool
	}{
		{BrokenError{Cause: io.EOF, Reused: true}, true},
		{BrokenError{Cause: io.EOF}, false},
		{BrokenError{Cause: io.EOF, Reused: true, Received: true}, false},
		{BrokenError{Cause: io.EOF, Reused: true, After: ResendWithin}, false},
		{BrokenError{Cause: context.DeadlineExceeded, Reused: true}, false},
		{BrokenError{Cause: ErrSurplus, Reused: true}, false},
	} {
		var idle IdleTime
		idle.Broke(&c.broken, time.Second)
		if got := idle.Limit(true, StaleAfter) < StaleAfter; got != c.want {
			t.Errorf("%+v: noted %t", c.broken, got)
		}
	}
}

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	for setting, want := range map[time.Duration]time.Duration{0: StaleAfter, -1: 0, time.Minute: time.Minute} {
		if got := KeepAlive(setting); got != want {
			t.Errorf("KeepAlive(%v): %v, want %v", setting, got, want)
		}
	}
}
