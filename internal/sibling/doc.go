// Package sibling has several dynlbs that give requests to the same instances tell each other
// what they have: requests in flight at each instance, and requests that wait. So each of them
// picks the instance that is least loaded by all, and the one that scales sees the whole load.
//
// A Group is the siblings of one app, as one of them sees them. It opens a stream to each
// address that it is given (a link), on which the sibling there reports what it has, and feeds
// the streams of the others. Reports are counted in the registry: a pick costs nothing more.
// When a stream breaks, or nothing arrives on it, what that sibling had is forgotten a moment
// later. Nothing here is needed to answer a request.
//
// The streams use the admin listener, with its token and its certificates.
package sibling
