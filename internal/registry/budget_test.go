package registry

import (
	"testing"
	"testing/synctest"
	"time"
)

// spendAll retries until that is denied, and returns how often it was not.
func spendAll(t *testing.T, r *Registry) int {
	t.Helper()
	n := 0
	for r.Retry() {
		request(t, r)
		n++
		if n > 1e5 {
			t.Fatal("there is no budget")
		}
	}
	return n
}

// request is one request from beginning to end.
func request(t *testing.T, r *Registry) {
	t.Helper()
	acquire(t, r).Release()
}

func TestRetryBudget(t *testing.T) {
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
		if got := spendAll(t, r); got != 9 { // the tenth is forgotten already
			t.Errorf("%d retries in a second, want 9", got)
		}
	})
}

// TestRetryBudgetAfterADeath: many requests are sent again at once; what they
// claim then earns nothing.
func TestRetryBudgetAfterADeath(t *testing.T) {
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
			t.Errorf("%d retries are left of 100 and 10 for 50 requests, want 60", got)
		}
	})
}

// TestRetryBudgetIsForgotten: what was saved up long ago cannot be spent, and
// a second with many requests is as good as ten with a tenth of them.
func TestRetryBudgetIsForgotten(t *testing.T) {
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

// TestRetriesCannotAmplify: when every attempt fails, and is made again as long
// as the budget allows, no more than a fifth comes on top.
func TestRetriesCannotAmplify(t *testing.T) {
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
		if most := requests*12/10 + 60*10 + 100; attempts > most || attempts < most*99/100 {
			t.Errorf("%d attempts for %d requests in a minute, want %d", attempts, requests, most)
		}
	})
}
