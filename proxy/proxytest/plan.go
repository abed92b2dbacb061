package proxytest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/dynlb/dynlb/proxy/policy"
)

// framing is the framing of content.
type framing string

const (
	none    framing = "none"
	sized   framing = "sized"
	chunked framing = "chunked"
	ending  framing = "until close"
)

// end is what an instance does after its response, or instead of it.
type end string

const (
	stays   end = "stays"
	leaves  end = "leaves" // announces that it closes, and closes
	surplus end = "sends something more"
	cuts    end = "cuts the content"
	resets  end = "resets within the content"
	breaks  end = "breaks the head off"
	silent  end = "closes without a word"
)

// plan is a request, and what the instance does with it.
type plan struct {
	id      string
	arrived int // how often it arrived at an instance; guarded by talk.mu

	method   string
	minor    int
	absolute bool
	hop      bool // Connection names a field
	last     bool // it says that it is the last one
	framing  framing
	content  []byte
	expect   bool // it has Expect: 100-continue
	patient  bool // it waits until its content is asked for
	after    bool // it is sent when all requests before it are answered

	status   int
	interim  int
	early    bool // the response is sent before the content is read
	down     framing
	body     []byte
	end      end
	segments uint64 // the seed for the pieces of both
}

func (p *plan) String() string {
	return fmt.Sprintf("%s %s HTTP/1.%d with content %s of %d (expect %t, patient %t, after %t, last %t), answered %d with content %s of %d (interim %d, early %t) by one that %s",
		p.method, p.id, p.minor, p.framing, len(p.content), p.expect, p.patient, p.after, p.last,
		p.status, p.down, len(p.body), p.interim, p.early, p.end)
}

// whole reports whether the instance sends a complete response.
func (p *plan) whole() bool { return p.end == stays || p.end == leaves || p.end == surplus }

// vague reports whether only a reset can show the client that the response is incomplete.
func (p *plan) vague() bool { return !p.whole() && p.minor == 0 && p.down != sized }

// arrivals is how often the request may arrive at instances.
func (p *plan) arrivals() int {
	if len(p.content) == 0 && p.framing != chunked && policy.Idempotent(p.method) {
		return 3 // the first, again on a new connection, and on another instance
	}
	return 1
}

// newPlan returns a random plan.
func newPlan(r *rand.Rand, id string) *plan {
	p := &plan{id: id, minor: 1, framing: none, segments: r.Uint64(), status: 200, down: sized, end: stays}
	p.method = pick(r, "GET", "GET", "GET", "POST", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "BREW")
	p.absolute, p.hop, p.last = chance(r, 15), chance(r, 20), chance(r, 10)
	if chance(r, 15) {
		p.minor = 0
	}
	if p.method == "POST" || p.method == "PUT" || p.method == "PATCH" || p.method != "HEAD" && chance(r, 10) {
		p.framing = pick(r, none, sized, sized, chunked, chunked)
	}
	if p.minor == 0 && p.framing == chunked {
		p.framing = sized
	}
	if p.framing != none {
		p.content = filling(id+"?", size(r))
		p.expect = p.minor > 0 && chance(r, 25)
		p.patient = p.expect && len(p.content) > 0 && chance(r, 70)
	}
	p.after = chance(r, 40)
	p.planResponse(r)
	return p
}

func (p *plan) planResponse(r *rand.Rand) {
	p.status = pick(r, 200, 200, 200, 200, 201, 404, 204, 304)
	p.early = p.framing != none && chance(r, 20)
	if chance(r, 15) {
		p.interim = 1 + r.IntN(3)
	}
	p.down = pick(r, sized, sized, chunked, chunked, ending)
	p.body = filling(p.id+"!", size(r))
	if p.method == "HEAD" || p.status == 204 || p.status == 304 {
		p.down, p.body = none, nil
	}
	if chance(r, 25) {
		p.end = pick(r, leaves, leaves, leaves, surplus, surplus, cuts, resets, breaks, silent)
	}
	switch {
	case p.down == ending && p.end != resets && p.end != breaks && p.end != silent:
		p.end = leaves
	case (p.end == cuts || p.end == resets) && len(p.body) == 0:
		p.end = silent
	case p.end == surplus:
		p.body = p.body[:min(len(p.body), 1000)] // so that all of it arrives at once
	}
}

func (p *plan) target() string { return "/" + p.id + "?q=" + p.id }

// request returns the head of the request, and its content in its framing.
func (p *plan) request(r *rand.Rand) (head, content []byte) {
	var b bytes.Buffer
	if chance(r, 5) {
		b.WriteString("\r\n")
	}
	target := p.target()
	if p.absolute {
		target = "http://talk.test" + target
	}
	fmt.Fprintf(&b, "%s %s HTTP/1.%d\r\nHost: talk.test\r\nX-Id: %s\r\n", p.method, target, p.minor, p.id)
	var options []string
	if p.hop {
		b.WriteString("X-Hop: " + p.id + "\r\n")
		options = append(options, "x-hop")
	}
	switch {
	case p.last && p.minor > 0:
		options = append(options, "close")
	case !p.last && p.minor == 0:
		options = append(options, "keep-alive")
	}
	if len(options) > 0 {
		b.WriteString("Connection: " + strings.Join(options, ", ") + "\r\n")
	}
	if p.expect {
		b.WriteString("Expect: 100-continue\r\n")
	}
	content = frame(&b, r, p.framing, p.content)
	b.WriteString("\r\n")
	return b.Bytes(), content
}

// response returns the heads of the response, and its content in its framing.
func (p *plan) response(r *rand.Rand) (head, content []byte) {
	var b bytes.Buffer
	for range p.interim {
		fmt.Fprintf(&b, "HTTP/1.1 103 Early Hints\r\nX-Id: %s\r\n\r\n", p.id)
	}
	fmt.Fprintf(&b, "HTTP/1.1 %d Whatever\r\nX-Id: %s\r\n", p.status, p.id)
	b.WriteString("X-Hop: 1\r\n")
	if p.end == leaves {
		b.WriteString("Connection: close, x-hop\r\n")
	} else {
		b.WriteString("Connection: x-hop\r\n")
	}
	content = frame(&b, r, p.down, p.body)
	b.WriteString("\r\n")
	return b.Bytes(), content
}
