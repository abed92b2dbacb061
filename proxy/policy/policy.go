// Package policy decides what all lanes of the proxy must decide alike. The lanes
// carry the decisions out.
//
//	ConnectError, BrokenError   how an attempt to have a request answered fails
//	Attempts                    what to do then: Next returns a Decision, whose Step
//	                            is Resend, Another, CheckAlive or Fail
//	Fault                       the answer to a client: FaultOf makes it of any error
//	CheckMethod                 which requests are not forwarded at all
//	Tidiness                    when a connection to an instance is used again
//	IdleTime                    how long such a connection may be idle before that
//	Continue                    how long an instance may take to ask for content
//	StaleAfter, DialTimeout...  the bounds that are the same for every proxy
//
// The package does no input or output. A Decision reports to the registry, when the
// lane asks it to, what the attempt shows about the instance.
package policy
