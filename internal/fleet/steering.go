package fleet

// Steered is a Fleet whose target other processes may set too. What sets its target must
// start from the one that there is, and leave it alone while another process sets it.
type Steered interface {
	// Steering returns a channel that gets who sets the target, at the start and after each
	// change. A value that was not read is replaced by the next one. It has one reader.
	Steering() <-chan Steering
}

// Steering says who sets the target of a Fleet.
type Steering struct {
	// Target is the one in force.
	Target int
	// By is what sets it, for people; "" when Scale does.
	By string
	// Raise tells that Scale may raise the target although another process sets it.
	Raise bool
}
