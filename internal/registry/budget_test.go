package registry

import (
	"testing"
	"testing/synctest"
	"time"
)

// spendAll retries until a retry is denied, and returns the number of retries before
// that.
func spendAll(t *testing.T, r *Registry) int {
	t.Helper()
	n := 0
	for r.Retry() {
		request(t, r)
		n++
		if n > 1e5 {
			t.Fatal("the budget has no limit")
		}
	}
	return n
}

// request makes one request.
func request(t *testing.T, r *Registry) {
	t.Helper()
	acquire(t, r).Release()
}

func TestRetryBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		add(t, r, Ready)
		if got := spendAll(t, r); got != 100 {
			t.Errorf("%d retries at the start, want ten seconds' worth", got)
		}
		if s := r.Snapshot(); s.Retries != 100 || s.RetriesDenied != 1 {
			t.Errorf("counted %d and %d denied, want 100 and 1", s.Retries, s.RetriesDenied)
		}
		for range 1000 {
			request(t, r)
		}
		if got := spendAll(t, r); got != 200 {
			t.Errorf("%d retries for 1000 requests, want 200", got)
		}
		time.Sleep(time.Second)
		if got := spendAll(t, r); got != 9 { // the tenth has decayed
			t.Errorf("%d retries in a second, want 9", got)
		}
	})
}

// TestRetryBudgetAfterADeath: many requests are sent again at once, and their second
// claims earn nothing.
func TestRetryBudgetAfterADeath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		add(t, r, Ready)
		for range 50 {
			acquire(t, r)
		}
		for range 50 {
			if !r.Retry() {
				t.Fatal("denied")
			}
		}
		for range 50 {
			acquire(t, r)
		}
		if got := spendAll(t, r); got != 60 {
			t.Errorf("%d of 100 retries and 10 for 50 requests are left, want 60", got)
		}
	})
}

// TestRetryBudgetDecays: the budget never has more than the earnings of the last ten
// seconds.
func TestRetryBudgetDecays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		id := add(t, r, Ready)
		for range 60 {
			for range 1000 {
				request(t, r)
			}
			time.Sleep(time.Second)
		}
		if got := spendAll(t, r); got < 2050 || got > 2150 {
			t.Errorf("%d retries at 1000 requests/s, want ten seconds' worth: 2100", got)
		}
		move(t, r, id, Stopped)
		add(t, r, Ready)
		for range 1000 {
			request(t, r)
		}
		if got := spendAll(t, r); got < 200 || got > 201 {
			t.Errorf("%d retries for 1000 requests after the instance was replaced, want 200", got)
		}
		time.Sleep(time.Hour)
		if got := spendAll(t, r); got < 99 || got > 100 {
			t.Errorf("%d retries after an hour without requests, want 100", got)
		}
	})
}

// TestRetriesCannotAmplify: when every attempt fails and is repeated as long as the
// budget allows, retries add at most a fifth to the load.
func TestRetriesCannotAmplify(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{})
		add(t, r, Ready)
		attempts := 0
		const requests = 60 * 500
		for range requests {
			for again := true; again; again = r.Retry() {
				request(t, r)
				attempts++
			}
			time.Sleep(2 * time.Millisecond)
		}
		if limit := requests*12/10 + 60*10 + 100; attempts > limit || attempts < limit*99/100 {
			t.Errorf("%d attempts for %d requests in a minute, want %d", attempts, requests, limit)
		}
	})
}
