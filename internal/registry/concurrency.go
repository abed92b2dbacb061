package registry

import (
	"math"
	"math/bits"
	"time"
)

// concurrency finds how many requests an instance of an app can work on at the same
// time. It compares what instances did at different numbers of requests in flight,
// the levels: the throughput at a level is the level divided by the response time
// there. As long as twice the level gives clearly more throughput, an instance works
// on these requests at the same time. When it does not, the additional ones only wait
// in the instance. They are better kept in the queue, from which they go to whichever
// instance is free first.
//
// Response times alone say little, because they also rise when the work gets slower,
// for example that of a database. A limiter that compares them with the best ones of
// the past, as TCP Vegas and gradient limiters do, then throttles an app that has
// room. So responses are compared only with responses of the same second or so (an
// epoch), in which the work was the same for all levels.
//
// Levels are grouped by powers of two. A verdict on a group needs a difference that
// the spread between epochs does not explain. Before that, an app may have any number
// of requests in flight. A verdict is a suspicion only, because a moment in which all
// work is slow also has more requests in flight. The trial confirms it (see limitTrial).
type concurrency struct {
	groups [maxGroups]group
	pairs  [maxGroups]pair // of a group and the one below it; the first is not used
	first  int             // the first group that gives too little more throughput; 0: there is none
	epoch  time.Duration   // when the present one began
	took   time.Duration   // mean response time, decaying
	known  bool            // whether a pair has had a verdict
	gone   float64         // requests of this epoch that ended without a response

	collapse collapse   // in the last epoch
	trial    limitTrial // of the limit that follows from the verdicts
}

// group is what was seen at levels from 2^i to 2^(i+1)-1.
type group struct {
	level, mean float64 // decaying means of the level and of the response time in seconds
	weight      float64 // samples in these, at most fullWeight
	n           float64 // samples of this epoch
	levels      float64 // sum of their levels
	seconds     float64 // sum of their response times
}

// pair compares a group with the one below, over epochs.
type pair struct {
	// slower and higher are weighted means of the logarithms of the ratios of response
	// times and of levels. With them throughput is as level^(1 - slower/higher): the
	// exponent is 1 when an instance works on all of the requests at the same time, 0 when
	// the additional ones only wait.
	slower, higher float64
	spread         float64 // mean square difference of slower, for one pair of samples
	weight, epochs float64
	refuted        bool          // the last verdict: the group gave too little more throughput
	partly         bool          // ... but some
	judged         time.Duration // when there was last evidence
	cleared        time.Duration // until when a trial has cleared the group
	clears         int           // how often
}

const (
	// maxGroups bounds the levels: the last group is for 2^15 and more.
	maxGroups = 16
	// fullWeight is how many samples a mean remembers.
	fullWeight = 64
	// epochs are one to three seconds long, so that they hold some responses of slow apps,
	// or end when there are epochSamples in a group.
	minEpoch, maxEpoch = time.Second, 3 * time.Second
	epochSamples       = 16
	// scales and scalesPartly are the gains of a group that is useful, and of one that is
	// allowed as it gives some more throughput: 1.41 and 1.15 times at twice the level.
	scales, scalesPartly = 0.5, 0.2
	// partGain is the latter as a ratio. enoughPairs and enoughSamples are how many pairs
	// of samples and how many samples say something of a group.
	partGain                   = 1.15
	enoughPairs, enoughSamples = 16, 4
	// priorSpread is the assumed spread of an epoch's comparison, which counts as
	// priorEpochs: that of exponentially distributed response times.
	priorSpread, priorEpochs = 1, 2
	// maxWeight is how many pairs of samples a pair remembers.
	maxWeight = 128
	// evidenceFades is the time constant with which old evidence fades.
	evidenceFades = 15 * time.Second
	// bearable is the time for which a request may wait in an instance. Requests that
	// take less than a few milliseconds are then never kept in the queue: handing them
	// over one by one would cost more than it gains.
	bearable = 10 * time.Millisecond
	// holdBack is the limit before anything is known, while instances start: the first
	// one that is ready must not get all requests that wait for them.
	holdBack = 3
)

// observe adds a response that came after the given time, and reports whether an
// epoch ended with it. first and last are the numbers of requests in flight of the
// instance at the claim and at the response; their mean stands for the level in
// between. (The level at the claim alone would let an instance that works on one
// request at a time look better than it is: the one in front is partly done already.)
func (c *concurrency) observe(now time.Duration, first, last int32, took time.Duration) bool {
	level, seconds := max(1, float64(first+last)/2), took.Seconds()
	g := &c.groups[groupOf(int32(level))]
	g.n++
	g.levels += level
	g.seconds += seconds
	g.weight = min(g.weight+1, fullWeight)
	g.level += (level - g.level) / g.weight
	g.mean += (seconds - g.mean) / g.weight
	c.took += (took - c.took) / 16
	if now-c.epoch < minEpoch && g.n < epochSamples {
		return false
	}
	return c.ended(now, 2*c.took)
}

// abandoned notes that a request ended without a response, and reports whether an epoch
// ended with it. When clients leave before the responses, no response might end it.
func (c *concurrency) abandoned(now time.Duration) bool {
	c.trial.left++
	c.gone++
	return c.ended(now, minEpoch)
}

// ended ends the epoch if it has the given length, and reports whether it has.
func (c *concurrency) ended(now, length time.Duration) bool {
	if now-c.epoch < min(maxEpoch, length) {
		return false
	}
	c.judge(now)
	return true
}

// groupOf returns the index of the group of a level.
func groupOf(level int32) int { return min(bits.Len32(uint32(max(1, level)))-1, maxGroups-1) }

// judge compares the groups of the epoch that ends, and begins another one.
func (c *concurrency) judge(now time.Duration) {
	responses := c.groups[0].n
	for i := 1; i < maxGroups; i++ {
		responses += c.groups[i].n
		below, g := &c.groups[i-1], &c.groups[i]
		if below.n == 0 || g.n == 0 || below.seconds == 0 || g.seconds == 0 {
			continue
		}
		slower := math.Log(g.seconds / g.n * below.n / below.seconds)
		higher := math.Log(g.levels / g.n * below.n / below.levels)
		if c.pairs[i].observe(now, slower, higher, g.n*below.n/(g.n+below.n)) {
			c.known = true
		}
	}
	c.findFirst()
	c.collapse = collapse{}
	if c.gone >= epochSamples && c.gone > mostLeave*responses {
		c.collapse = collapse{c.gone, (now - c.epoch).Seconds()}
	}
	c.epoch, c.gone = now, 0
	for i := range c.groups {
		c.groups[i].n, c.groups[i].levels, c.groups[i].seconds = 0, 0, 0
	}
}

// observe adds the evidence of an epoch, with the weight of that many pairs of
// samples, and reports whether there is a verdict.
func (p *pair) observe(now time.Duration, slower, higher, weight float64) bool {
	p.weight *= math.Exp(-float64(now-p.judged) / float64(evidenceFades))
	p.judged = now
	p.weight = min(p.weight+weight, maxWeight)
	share := weight / p.weight
	delta := slower - p.slower
	if p.epochs > 0 {
		p.spread += (weight*(1-share)*delta*delta - p.spread) / (p.epochs + priorEpochs)
	} else {
		p.spread = priorSpread
	}
	p.epochs = min(p.epochs+1, fullWeight)
	p.slower += share * delta
	p.higher += share * (higher - p.higher)
	gain, doubt := 1-p.slower/p.higher, math.Sqrt(p.spread/p.weight)/p.higher
	p.partly = gain > scalesPartly+doubt
	switch {
	case gain < scales-doubt:
		p.refuted = now >= p.cleared
	case gain > scales+doubt:
		p.refuted = false
	default:
		return false
	}
	return true
}

// findFirst determines the first refuted group. Call it after a change of verdicts: each
// response asks for that group.
func (c *concurrency) findFirst() {
	c.first = 0
	for i := 1; i < maxGroups && c.first == 0; i++ {
		if c.pairs[i].refuted {
			c.first = i
		}
	}
}

// top returns the highest useful group below one that was refuted: the one below it. When
// load has come at once, and stays, all responses are of that group, and nothing compares
// it with lower ones. Then one of these counts which was seen to give as much throughput.
// If that was long ago, the next responses tell whether it still does.
func (c *concurrency) top(refuted int) int {
	top := refuted - 1
	if p := &c.pairs[top]; top == 0 || p.weight >= enoughPairs && c.epoch-p.judged < minEpoch {
		return top
	}
	for i := range top {
		if g := &c.groups[i]; g.weight >= enoughSamples && g.throughput()*partGain >= c.groups[top].throughput() {
			return i
		}
	}
	return top
}

// limit returns how many requests an instance may have in flight, and useful, which is
// how many it is known to work on at the same time. useful is 0 if that is not known.
func (c *concurrency) limit() (limit, useful int32) {
	i := c.first
	if i == 0 {
		return math.MaxInt32, 0
	}
	top := c.top(i)
	limit = int32(2)<<top - 1
	useful = limit
	if c.pairs[i].partly && top == i-1 || c.trial.phase == raised {
		limit = int32(4)<<top - 1
	}
	limit = max(limit, int32(min(math.Round(bearable.Seconds()*c.saturated(top).throughput()), math.MaxInt32)))
	return limit, useful
}

// useful returns how many requests an instance is known to work on at the same time; 0 if
// that is not known.
func (c *concurrency) useful() int32 {
	if i := c.first; i > 0 {
		return int32(2)<<c.top(i) - 1
	}
	return 0
}

// capacity returns how many requests a second an instance responds to when it has as
// many as it works on at the same time; 0 if that is not known.
func (c *concurrency) capacity() float64 {
	if i := c.first; i > 0 {
		return c.saturated(c.top(i)).throughput()
	}
	return 0
}

// saturated returns what tells the capacity, if a group is the highest useful one: that
// group, or the one above it, which gives about as much, if it has more samples. The limit
// may be such that there are no more samples of the former.
func (c *concurrency) saturated(top int) *group {
	if top+1 < maxGroups && c.groups[top+1].weight > c.groups[top].weight {
		return &c.groups[top+1]
	}
	return &c.groups[top]
}

// throughput returns the responses per second of an instance; 0 if there were none.
func (g *group) throughput() float64 {
	if g.mean <= 0 {
		return 0
	}
	return g.level / g.mean
}

// pace returns the time between two responses of an instance that has enough requests:
// that of the level with the highest throughput; 0 if nothing is known.
func (c *concurrency) pace() time.Duration {
	pace := 0.0
	for i := range c.groups {
		if t := c.groups[i].throughput(); t > 0 && (pace == 0 || 1/t < pace) {
			pace = 1 / t
		}
	}
	return time.Duration(pace * float64(time.Second))
}
