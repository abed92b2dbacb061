package keeper

import (
	"context"
	"errors"
	"testing"
)

// TestSteps: the steps of an upgrade are reported by the call that waits for it, however slow
// what they are reported to is, and none after it has returned.
func TestSteps(t *testing.T) {
	t.Parallel()
	if !Available {
		t.Skip("this system has no keeper")
	}
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	keeper, err := newConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	worker, err := newConn(theirs)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(worker)
	go c.run()
	go c.pass()
	go func() {
		for e := range c.Events() {
			_ = e
		}
	}()
	defer keeper.close()

	ctx, cancel := context.WithCancel(t.Context())
	steps := 0 // no lock: it is of the goroutine that calls Upgrade
	result := make(chan error, 1)
	go func() {
		err := c.Upgrade(ctx, "", func(Step) {
			steps++
			<-ctx.Done()
		})
		steps++
		result <- err
	}()
	m, _, err := keeper.receive()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 * maxSteps {
		if err := keeper.send(kindStep, m.Seq, Step{Name: "started"}); err != nil {
			t.Fatal(err)
		}
	}
	other := make(chan error, 1)
	go func() { other <- c.Listen(t.Context(), nil) }()
	if m, _, err = keeper.receive(); err != nil {
		t.Fatal(err)
	}
	if err := keeper.send(kindDone, m.Seq, doneReply{}); err != nil {
		t.Fatal(err)
	}
	if err := <-other; err != nil { // it waits for no reader of steps
		t.Error(err)
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Upgrade: %v", err)
	}
}
