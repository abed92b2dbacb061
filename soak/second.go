package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// secondApp is the name of an app beside the one that the faults are for: the built-in
// demo, with one instance, below the path of that name.
const secondApp = "second"

// secondPace is the time between two requests for the second app.
const secondPace = 20 * time.Millisecond

// A bystander sends the second app one request after the other. No fault of the first app
// may touch it.
type bystander struct {
	client *client
	admin  *admin

	// All below is read after run has ended.
	sent   int
	broken []string
	first  int // the process of its instance at the beginning
	last   int
}

func newBystander(d *daemon) *bystander {
	return &bystander{client: newClient(d.public, 1), admin: newAdmin(d.admin, secondApp)}
}

// run sends requests until ctx ends.
func (b *bystander) run(ctx context.Context) {
	b.first = b.process(ctx)
	request := fmt.Appendf(nil, "GET /%s/echo HTTP/1.1\r\nHost: soak\r\n\r\n", secondApp)
	for pause(ctx, secondPace) {
		a, _, err := b.client.do(ctx, http.MethodGet, request)
		if ctx.Err() != nil {
			break
		}
		if err == nil && a.status != http.StatusOK {
			err = &statusError{a.status, a.body, a.later}
		}
		b.sent++
		if err != nil {
			b.broken = append(b.broken, fmt.Sprintf("%v: %s", time.Now().Format("15:04:05.000"), bare(err)))
		}
	}
	b.last = b.process(context.WithoutCancel(ctx))
	b.client.close()
}

// process returns the process of the instance, 0 if there is not exactly one.
func (b *bystander) process(ctx context.Context) int {
	pool, err := b.admin.status(ctx)
	if err != nil || len(pool.GetInstances()) != 1 {
		return 0
	}
	return pidOf(pool.GetInstances()[0])
}

// verdicts judges what happened to the second app.
func (b *bystander) verdicts() []verdict {
	return []verdict{
		{"no request of the second app lost", len(b.broken) == 0 && b.sent > 0, fmt.Sprintf("%d of %d", len(b.broken), b.sent)},
		{"the instance of the second app stayed", b.first != 0 && b.first == b.last, fmt.Sprintf("process %d, then %d", b.first, b.last)},
	}
}
