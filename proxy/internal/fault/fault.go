// Package fault holds the retry rules of the net/http lane. All else is package
// policy's, under the names that this lane knows.
package fault

import "github.com/dynlb/dynlb/proxy/policy"

// StatusClientClosed is policy.StatusClientClosed.
const StatusClientClosed = policy.StatusClientClosed

// The limits of package policy.
const (
	MaxAttempts  = policy.MaxClaims
	ResendWithin = policy.ResendWithin
	DeathWithin  = policy.DeathWithin
)

// The types of package policy.
type (
	Fault        = policy.Fault
	ConnectError = policy.ConnectError
	BrokenError  = policy.BrokenError
)

// The errors and functions of package policy.
var (
	ErrConnect  = policy.ErrConnect
	ErrTrace    = policy.ErrTrace
	ErrSlowHead = policy.ErrSlowHead
	ErrSlowBody = policy.ErrSlowBody
	ErrSurplus  = policy.ErrSurplus
	ErrSwitch   = policy.ErrSwitch

	Of      = policy.Of
	Refusal = policy.Refusal
)
