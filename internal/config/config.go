// Package config reads config.yaml: its defaults, its rules, and the mistakes in
// it.
//
// A file is checked as a whole. All mistakes in it are returned as one [*Error],
// each with its line and with what would be right.
//
// The keys have one description, the table in keys.go. The decoder works by it,
// and `make generate` writes config.schema.json, config.yaml and the table of keys
// in README.md from it.
package config

import (
	"net/netip"
	"time"
)

// Config holds every setting. [Load] and [Parse] return only a Config whose values
// satisfy the rules. It does not change after that, so it is safe for concurrent
// use; its slices and maps are shared between copies and must not be modified.
//
// The key of a field in the file is the field's name with a small first letter
// (AdminHTTP is adminHTTP). [Keys] describes what each key means, its bounds and
// its default; the comments here and at [App] add how a field holds the value.
type Config struct {
	// Path is the file the values came from, as it was named. It is empty if
	// there was no file and the values are the defaults.
	Path string

	// App is the only app, or the defaults of the Apps. It has no name. See
	// [Config.AllApps].
	App

	// Apps are those under apps, in the order of the file, with the defaults filled in.
	// It is nil without that key.
	Apps []App

	// Inherited are the names of the variables that the file uses and has from the
	// environment, not from an EnvFile.
	Inherited []string

	// Listen, Admin and AdminHTTP are host:port. An empty host means every
	// address; port 0 lets the kernel choose. No two of them overlap, nor any with
	// TLS.Redirect.
	Listen, Admin, AdminHTTP string

	// TLS says where the certificates of the public listener come from.
	TLS PublicTLS

	// Status is whether the public listener answers /lb-status.
	Status bool

	Auth Auth

	// StateDir is an absolute path, Off, or "" when it depends on the environment.
	StateDir string

	History History

	Logs    Logs
	Tracing Tracing

	// DrainDelay is Auto when it depends on what dynlb runs under.
	DrainDelay time.Duration

	// TrustedProxies are in canonical form: masked, and never an IPv4-mapped IPv6
	// prefix.
	TrustedProxies []netip.Prefix

	// ProxyProtocol is set only if there are TrustedProxies.
	ProxyProtocol bool

	// UnderscoreFields tells that request fields with an underscore in the name pass.
	UnderscoreFields bool

	Limits Limits
}

// Off is the StateDir that keeps nothing.
const Off = "off"

// Limits bound what a client may send to the public listener.
type Limits struct {
	// RequestLine, Header and ChunkLine are in bytes; RequestLine <= Header.
	RequestLine, Header, ChunkLine int64

	HeaderFields int

	HeaderTimeout, BodyTimeout, IdleTimeout time.Duration

	// MinRate is in bytes a second; 0 for none.
	MinRate int64

	// Connections is 0 for a number that is derived from the limit of open files.
	Connections int
}
