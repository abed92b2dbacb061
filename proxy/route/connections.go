package route

import "github.com/dynlb/dynlb/internal/measure"

// Connections counts the connections to the instances of an app. The shards are those of
// outcome.Outcome.Shard.
type Connections struct {
	// Opened are those that were made for a request. Reused is how many times a request got
	// an idle one.
	Opened, Reused measure.Counter
	// Broken are those that ended before the head of a response was complete, and Ended are
	// idle ones that the instance closed.
	Broken, Ended measure.Counter
}
