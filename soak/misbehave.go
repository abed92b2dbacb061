package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// offenceWithin bounds a misbehaving client's connection. It is longer than the
// time that dynlb allows for a head (10 s).
const offenceWithin = 15 * time.Second

// An offence is a way to misbehave on a connection. Its result does not matter, as
// long as all other clients are served.
type offence struct {
	name   string
	commit func(ctx context.Context, c net.Conn)
}

var offences = []offence{
	{"GETs left before the answer", func(ctx context.Context, c net.Conn) {
		fmt.Fprint(c, "GET /item/left?size=65536&ms=50 HTTP/1.1\r\nHost: soak\r\n\r\n")
		pause(ctx, rand.N(60*time.Millisecond))
	}},
	{"POSTs left in the middle", func(ctx context.Context, c net.Conn) {
		fmt.Fprint(c, "POST /discard HTTP/1.1\r\nHost: soak\r\nContent-Length: 100000\r\n\r\nthe beginning")
		pause(ctx, rand.N(60*time.Millisecond))
	}},
	{"heads sent slowly", func(ctx context.Context, c net.Conn) {
		for _, b := range []byte("GET /item/slow?size=64 HTTP/1.1\r\nHost: soak\r\n\r\n") {
			if _, err := c.Write([]byte{b}); err != nil || !pause(ctx, 300*time.Millisecond) {
				return
			}
		}
	}},
	{"answers read slowly", func(ctx context.Context, c net.Conn) {
		fmt.Fprint(c, "GET /big HTTP/1.1\r\nHost: soak\r\n\r\n")
		for range 60 {
			if _, err := io.CopyN(io.Discard, c, 16<<10); err != nil || !pause(ctx, 100*time.Millisecond) {
				return
			}
		}
	}},
}

// offenders misbehave towards a server, in every way at the same time.
type offenders struct {
	address string
	counts  []atomic.Int64 // by offence
}

func newOffenders(address string) *offenders {
	return &offenders{address: address, counts: make([]atomic.Int64, len(offences))}
}

// run misbehaves until ctx ends.
func (o *offenders) run(ctx context.Context) {
	var all sync.WaitGroup
	for i, offence := range offences {
		all.Go(func() { // ends with ctx
			for pause(ctx, 100*time.Millisecond+rand.N(400*time.Millisecond)) {
				if commit(ctx, o.address, offence) == nil {
					o.counts[i].Add(1)
				}
			}
		})
	}
	all.Wait()
}

func commit(ctx context.Context, address string, o offence) error {
	limited, cancel := context.WithTimeout(ctx, offenceWithin)
	defer cancel()
	c, err := dial(limited, address, offenceWithin)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(offenceWithin))
	o.commit(limited, c)
	return nil
}
