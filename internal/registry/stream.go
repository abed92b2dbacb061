package registry

import "time"

const (
	// streamRate is how many bytes per second all streams of an instance must carry
	// to count as one request in flight.
	streamRate = 256 << 10
	// streamsPerCore is how many requests in flight one processor counts as that is
	// busy with streams. It is above the default of scaleUpThreshold, so an instance
	// that can use one processor only gets help when its streams need all of it.
	streamsPerCore = 4
	// streamDecay is the time constant of the average rate of an instance's streams,
	// and streamInterval is the minimum time between two updates of it.
	streamDecay    = 5 * time.Second
	streamInterval = 100 * time.Millisecond
)

// throughput is how many bytes the streams of an instance carry.
type throughput struct {
	rate    float64       // bytes per second, decaying average
	counted uint64        // bytes that are in rate
	at      time.Duration // of the last update, since Registry.base
}

// update adds the bytes that were carried since the last update. total is their number
// since the start of the instance.
func (t *throughput) update(now time.Duration, total uint64) {
	since := now - t.at
	if since < streamInterval {
		return
	}
	carried := float64(total-t.counted) / since.Seconds()
	t.rate += gained(since, streamDecay) * (carried - t.rate)
	t.counted, t.at = total, now
}

// Stream reports that the request has become a stream, which may stay for hours without
// any work for the instance: a connection that was upgraded, or a response of
// server-sent events. From now on it counts by what it does (see Instance.Load) and not
// towards MaxConcurrency. It stays in flight until Release.
func (l Lease) Stream() {
	if l.in == nil {
		return
	}
	r := l.in.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &l.in.slots[l.slot]
	if s.turn != l.turn || s.stream {
		return
	}
	s.stream, s.streamAt = true, r.elapsed()
	l.in.workedOn(s.streamAt)
	r.streams++
	l.in.traffic.streams++
	r.weighedLocked(l.in)
	r.dispatchLocked()
}

// Carried reports that the stream carried n bytes, in either direction. It implies
// Progressed, and takes no lock.
func (l Lease) Carried(n int) {
	if l.in != nil {
		l.in.carried.Add(uint64(max(0, n)))
		l.Progressed()
	}
}

// Uploaded reports that the client of the stream sent n bytes for the instance. Call it
// before the instance gets them: it may end because of them. It implies Carried.
func (l Lease) Uploaded(n int) {
	if l.in != nil {
		l.in.workedOn(l.in.registry.elapsed())
		l.Carried(n)
	}
}

// workedOn records the time at which a stream has something to work on.
func (in *instance) workedOn(now time.Duration) {
	if last := in.uploaded.Load(); int64(now)-last >= int64(progressStep) {
		in.uploaded.Store(int64(now))
	}
}

// working returns how many of the requests in flight are not streams.
func (t *traffic) working() int32 { return t.inFlight - t.streams }

// Working returns how many of the requests in flight are not streams.
func (in *Instance) Working() int { return in.InFlight - in.Streams }

// streamLoad returns what the streams of an instance add to its load: as many requests as
// the bytes and the processor time stand for, and at most one for each stream. The
// requests in flight account for processor time first.
func (v *rawInstance) streamLoad() float64 {
	streams := float64(v.traffic.streams)
	if streams == 0 {
		return 0
	}
	bytes := v.traffic.carried.rate / streamRate
	cores := streamsPerCore*v.about.usage.Cores - float64(v.traffic.working())
	return min(streams, max(0, bytes, cores))
}
