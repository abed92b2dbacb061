package outcome

// Request is what an access log says of a request beyond its outcome. Fields that the
// request does not have are empty.
type Request struct {
	// ID is the request id, if requests have one.
	ID []byte
	// Client is the address of the client, without port: the one that trusted proxies
	// name, or that of the peer.
	Client []byte
	// User is the name that basic authentication has accepted.
	User []byte
	// Query is the query of the request target, with the question mark.
	Query []byte
	// Host is the authority that the client named.
	Host []byte
	// Minor is the minor version of HTTP/1 that the client spoke. HTTP2 and HTTP3 tell that
	// it spoke that version.
	Minor        int
	HTTP2, HTTP3 bool
	// Referer and UserAgent are the values of these fields, cut to a readable length.
	Referer, UserAgent []byte
}
