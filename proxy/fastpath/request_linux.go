package fastpath

import (
	"bytes"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// describe notes what is to be known of a request when its bytes are gone.
func (x *exchange) describe(r *http1.Request) {
	path, _, _ := bytes.Cut(r.Path, []byte("?")) // no query: it may hold secrets
	x.label = append(append(x.label[:0], r.Method...), path...)
	x.method = len(r.Method)
	x.toHead = string(r.Method) == "HEAD"
	x.idempotent = policy.Idempotent(string(r.Method))
	x.old = r.Minor == 0
	x.keep = r.KeepAlive
	x.content = r.Framing == http1.Chunked || r.Framing == http1.Sized && r.Length > 0
	x.chunkUp = r.Framing == http1.Chunked
	x.expects = r.Continue && x.content
	x.attempts = policy.Begin(string(r.Method), x.content, x.loop.engine.options.Registry)
	x.up = r.Body()
}

// writeRequest writes the request as the instance gets it: its head, which had n
// bytes, and what is in rest of its content, unless the client waits to send that.
func (x *exchange) writeRequest(r *http1.Request, n int, rest []byte) {
	from := forward.Peer{IP: x.client.remote, Trusted: x.settings.Trusts(x.client.remote), Scheme: "http"}
	size := forward.RequestSize(r, n, from)
	if x.content && !x.expects {
		size += len(rest) + 64
	}
	x.head, x.marks = forward.AppendRequest(x.loop.buffers.get(size), r, from)
	if x.content && !x.expects {
		payload, used, _ := forward.Decode(&x.up, rest, nil) // was checked
		x.head = forward.AppendContent(x.head, payload, x.chunkUp, x.up.Done())
		rest = rest[used:]
	}
	x.client.keep(rest)
}
