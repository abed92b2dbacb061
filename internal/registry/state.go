package registry

// State is an instance's place in its life cycle:
//
//	Starting ──► Ready ◄──► Unhealthy
//	    │         │ ▲           │
//	    └─────────┤ │ ┌─────────┘
//	              ▼ │ ▼
//	            Draining ──► Stopped
//
// A Draining instance may be taken back into service if it was Ready when its drain
// began, which its fleet knows. Every state may also become Stopped directly, as
// processes die. The zero value is Unspecified, which is never routable.
type State uint8

const (
	// Unspecified is the zero value; no instance is ever in it.
	Unspecified State = iota
	// Starting: exists, and has not been ready yet.
	Starting
	// Ready: may get requests.
	Ready
	// Unhealthy: was ready; gets no new requests until it is ready again.
	Unhealthy
	// Draining: gets no new requests; the ones in flight may finish.
	Draining
	// Stopped: gone. A stopped instance is not in the registry any more.
	Stopped
)

// String returns the state's name in lower case, as logs and metrics show it.
func (s State) String() string {
	switch s {
	case Starting:
		return "starting"
	case Ready:
		return "ready"
	case Unhealthy:
		return "unhealthy"
	case Draining:
		return "draining"
	case Stopped:
		return "stopped"
	default:
		return "unspecified"
	}
}

// Routable reports whether an instance in s may get requests.
func (s State) Routable() bool { return s == Ready }

// CanBecome reports whether an instance may go from s to next. It considers these two
// states only, not those before s. A state never becomes itself.
func (s State) CanBecome(next State) bool {
	switch next {
	case Ready:
		return s == Starting || s == Unhealthy || s == Draining
	case Unhealthy:
		return s == Ready
	case Draining:
		return s == Starting || s == Ready || s == Unhealthy
	case Stopped:
		return s == Starting || s == Ready || s == Unhealthy || s == Draining
	default:
		return false
	}
}
