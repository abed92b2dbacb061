package http2

// The costs of frames that make work and carry nothing, in points. A stream that is
// reset may have cost an instance a whole request (CVE-2023-44487).
const (
	costReset    = 10 // a stream that the client gives up, or must be closed for its error
	costSettings = 20 // each may touch all streams
	costControl  = 10 // PING and the like; most are answered
	costSmall    = 1  // WINDOW_UPDATE, PRIORITY, a small piece of a header block
	costEmpty    = 5  // DATA without content
)

const (
	// maxBudget allows 400 requests to be given up at once: a browser that leaves a
	// page gives up as many as are open, Config.Streams at most.
	maxBudget = 4000
	// refill is how many points there are for a second: 100 requests that are given
	// up, or 100 PINGs.
	refill = 1000
	// earnResponse is what a response earns: a client that takes its responses needs
	// a few frames for each.
	earnResponse = 10
	// earnData is what a frame of content earns that is sent, and each KiB of it. A client
	// may answer each of its reads with a WINDOW_UPDATE for the stream and one for the
	// connection; net/http does so for each 4 KiB.
	earnData = 2
)

// budget is what a client may spend on frames that make work.
type budget struct {
	points int
	since  int64 // when it was refilled
}

// refill adds what the time up to now has earned.
func (b *budget) refill(now int64) {
	const second = 1e9
	if b.since == 0 {
		b.points, b.since = maxBudget, now
		return
	}
	if earned := (now - b.since) * refill / second; earned > 0 {
		b.earn(int(min(earned, maxBudget)))
		b.since = now
	}
}

// earn adds points.
func (b *budget) earn(points int) { b.points = min(b.points+points, maxBudget) }

// spend takes points. It returns an error if there are not enough.
func (b *budget) spend(points int) *Error {
	if b.points -= points; b.points < 0 {
		return &Error{EnhanceYourCalm, "too many frames that carry nothing"}
	}
	return nil
}
