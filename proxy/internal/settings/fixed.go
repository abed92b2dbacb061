package settings

import "time"

// What is the same for every proxy.
const (
	// StaleAfter is how long a connection to an instance may be idle and still be
	// used: Node closes idle ones after 5 s, Bun after 10.
	StaleAfter = 4 * time.Second
	// DialTimeout leaves time for one more SYN, sent after 1 s, when an instance
	// is slow to accept.
	DialTimeout = 2 * time.Second
	// ContinueTimeout is how long an instance may take to ask for the content of a
	// request that expects a 100 (Continue). Then it is sent unasked.
	ContinueTimeout = time.Second
	// LongUpload is how long a request must take to be sent for a further piece of it
	// to show that the instance works. Of a shorter one nothing can be told: the
	// kernel takes some megabytes for an instance that reads nothing.
	LongUpload = time.Second
	// LingerTimeout is how long a client may go on sending what nobody will read,
	// so that it gets to read the response. It is nginx's lingering_timeout.
	LingerTimeout = 5 * time.Second
	// HeldUp is how late a timer may be told before that means that dynlb itself was
	// held up, in a stopped process say, so that nobody else is late. A busy machine
	// takes some 10 ms.
	HeldUp = 250 * time.Millisecond
)
