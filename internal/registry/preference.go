package registry

// Preference is what a request tells of itself when it claims an instance, so
// that requests that belong together can go to the same one. The zero value is
// no preference: the least loaded ready instance.
//
// A preference only orders the instances that could take the request now. It
// never makes a request wait for an instance while another one is free.
type Preference struct {
	// Rank returns how well an instance suits a request with the given Key. The
	// request goes to the ready instance below the cap with the highest rank, and
	// among equals to the least loaded one. Nil: all instances rank equally.
	//
	// The registry is locked during the call. Rank is called once per ready
	// instance, so it must be quick; it must not block and must not use the
	// registry.
	Rank func(key []byte, id ID) int
	// Key is what the request has in common with others that belong to the same
	// instance, such as the value of a cookie. The registry reads it until the
	// claim is granted or has failed, and only to pass it to Rank.
	Key []byte
	// Origin is where the request comes from. It has no influence on the choice. It
	// matters when the request fails.
	Origin Origin
}
