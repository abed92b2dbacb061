package registry

// Origin is where a request comes from and what kind it is, as two hashes. The
// registry compares the origins of the requests that fail on an instance: a request
// that the app declines by closing the connection fails on every instance, and does
// not speak against any of them.
//
// The zero value stands for no request in particular: such a failure is the
// instance's own.
type Origin struct {
	// Client is the hash of the client's address.
	Client uint32
	// Kind is the hash of what requests have in common that an app accepts or declines
	// alike: the method, the first segment of the path, the size.
	Kind uint32
}
