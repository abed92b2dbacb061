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

	"github.com/dynlb/dynlb/internal/schedule"
)

// Config holds every setting. [Load] and [Parse] return only a Config whose values
// satisfy the rules. It does not change after that, so it is safe for concurrent
// use; its slices and maps are shared between copies and must not be modified.
//
// The key of a field in the file is the field's name with a small first letter
// (AdminHTTP is adminHTTP). [Keys] describes what each key means, its bounds and
// its default; the comments here add how a field holds the value.
type Config struct {
	// Path is the file the values came from, as it was named. It is empty if
	// there was no file and the values are the defaults.
	Path string

	// Location is an absolute path that existed when the file was read. Empty: the
	// demo backend, unless Command is set.
	Location string

	// MinInstances and MaxInstances are the bounds of the number of instances.
	MinInstances, MaxInstances int

	// Schedule has other bounds for times of the day and the week. Min and Max of each
	// entry are set.
	Schedule schedule.Plan

	// SpareInstances may be above MaxInstances, which bounds all.
	SpareInstances int

	Brakes Brakes

	CheckInterval, HealthTimeout time.Duration

	// ScaleUpThreshold and ScaleDownThreshold are finite.
	ScaleUpThreshold, ScaleDownThreshold float64

	IdleTimeout time.Duration

	// Command has its placeholders still in it; [Config.Argv] replaces them. It is
	// nil for the default.
	Command []string

	// Env is nil for no variables. PORT and DYNLB_INSTANCE are never among them.
	Env map[string]string

	// WorkDir is an absolute path. In [Default] it is empty, which stands for
	// dynlb's own working directory.
	WorkDir string

	// Listen, Admin and AdminHTTP are host:port. An empty host means every
	// address; port 0 lets the kernel choose. No two of them overlap.
	Listen, Admin, AdminHTTP string

	// Status is whether the public listener answers /lb-status.
	Status bool

	Auth Auth

	BasePort int

	// HealthPath is a request target: a path that starts with "/", with a query if
	// it has one.
	HealthPath string
	// LivenessPath is a request target, or "" for none.
	LivenessPath string

	StartTimeout, StopTimeout, DrainTimeout, RequestTimeout time.Duration

	// DrainDelay is Auto when it depends on what dynlb runs under.
	DrainDelay time.Duration

	// KeepAlive is 0 for a connection per request.
	KeepAlive time.Duration

	// UnderscoreFields tells that request fields with an underscore in the name pass.
	UnderscoreFields bool

	// MaxConcurrency is 0 for no limit, and Auto when dynlb finds the limit.
	MaxConcurrency int

	Queue Queue

	// TrustedProxies are in canonical form: masked, and never an IPv4-mapped IPv6
	// prefix.
	TrustedProxies []netip.Prefix

	VerifyPort bool

	// User is the name or number of a user, optionally followed by a colon and a
	// group. Both existed when the file was read. Empty: dynlb's own user.
	User string

	// MaxRequests, MaxAge and MaxMemory, in bytes, are 0 for no limit.
	MaxRequests int
	MaxAge      time.Duration
	MaxMemory   int64

	Limits Limits

	Edge
}

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

// Queue says how requests wait for an instance.
type Queue struct {
	// Limit is 0 when requests do not wait; MinInstances is above 0 then.
	Limit int

	Timeout time.Duration
}
