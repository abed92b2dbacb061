package config

import (
	"net/netip"
	"time"
)

// Edge are the keys of what stands in front of an app: rules for which others run
// another proxy. Without them nothing does.
type Edge struct {
	AccessLog AccessLog

	// RequestID is the name of a field, or "".
	RequestID string

	ServerTiming bool

	// Allow and Deny are as TrustedProxies.
	Allow, Deny []netip.Prefix

	// BasicAuth is the absolute path of a file, or "".
	BasicAuth string

	RateLimit RateLimit

	Headers Headers

	SecurityHeaders bool

	// Maintenance is the absolute path of a file, On for a page without design, or "".
	Maintenance string

	// ErrorPages are absolute paths by status, DefaultPage for the others. It is nil for
	// none.
	ErrorPages map[int]string

	Compression bool

	// HSTS is the max-age of Strict-Transport-Security; 0 for no such field.
	HSTS time.Duration
}

// On is the Maintenance that stands for true.
const On = "true"

// DefaultPage is the key of ErrorPages for the statuses that it has no page for.
const DefaultPage = 0

// Headers are changes of the fields of responses.
type Headers struct {
	// Set is nil for none.
	Set    map[string]string
	Remove []string
}

// RateLimit bounds the requests that are made.
type RateLimit struct {
	Client, App Rate
	// Burst is 0 for the requests of a second.
	Burst int
}
