package outcome

// Trace is the place of a request in a trace, as W3C Trace Context has it. Zero: requests
// are not traced.
type Trace struct {
	// ID is that of the trace.
	ID [16]byte
	// Parent is the span of the client; zero: the trace begins here. Server is the span of
	// the request, and Attempt that of what the instance did, which is its parent there.
	Parent, Server, Attempt [8]byte
	// Sampled tells that the spans are to be exported.
	Sampled bool
}
