// Package config reads config.yaml: its defaults, its rules, and what is wrong
// with it.
//
// A file is checked as a whole. Everything wrong with it comes back as one
// [*Error], each problem with its line and with what would be right.
package config

import (
	"net/netip"
	"time"
)

// Config is everything the user may set. [Load] and [Parse] return only a
// Config whose values hold the documented bounds. It is not changed after
// that, so it is safe for concurrent use; its slices and maps are shared
// between copies and must not be modified.
//
// The key of a field in the file is the field's name with a small first
// letter (AdminHTTP is adminHTTP).
type Config struct {
	// Path is the file the values came from, as it was named. It is empty if
	// there was none and the values are the defaults.
	Path string

	// Location is the app's entry point, an absolute path that existed when
	// the file was read. Empty, the default, means the demo backend, unless
	// Command is set.
	Location string

	// MinInstances and MaxInstances bound the number of instances.
	// Defaults 2 and 8; 0 <= MinInstances <= MaxInstances, 1 <= MaxInstances,
	// BasePort+MaxInstances <= 65536. MinInstances 0 allows scale to zero.
	MinInstances, MaxInstances int

	// CheckInterval is the time between two rounds of health checks and
	// scaling. Default 5 s, at least 1 ms.
	CheckInterval time.Duration

	// HealthTimeout is how long a health check may take. Default 2 s, at
	// least 1 ms.
	HealthTimeout time.Duration

	// ScaleUpThreshold is the average load above which instances are added,
	// ScaleDownThreshold the one below which they may be removed.
	// Defaults 3 and 0.5; 0 <= ScaleDownThreshold < ScaleUpThreshold, finite.
	ScaleUpThreshold, ScaleDownThreshold float64

	// IdleTimeout is how long an instance must be ready and idle before it may
	// be removed. Default 30 s; 0 means at once.
	IdleTimeout time.Duration

	// Command is the argv that starts an instance, with its placeholders, or
	// nil for the default. [Config.Argv] gives it in its final form.
	Command []string

	// Env holds environment variables that instances get on top of the
	// inherited ones. Default nil. PORT and DYNLB_INSTANCE are never among them:
	// dynlb sets them.
	Env map[string]string

	// WorkDir is the folder instances run in: an absolute path, by default
	// the folder of the file. In [Default] it is empty, which stands for
	// dynlb's own working directory.
	WorkDir string

	// Listen, Admin and AdminHTTP are the host:port of the public listener,
	// of the gRPC control listener and of the HTTP control listener.
	// Defaults ":4000", "127.0.0.1:4001" and "127.0.0.1:4002". An empty host
	// means every address; port 0 lets the kernel choose. They do not share
	// a port. The variable PORT overrides the port of Listen.
	Listen, Admin, AdminHTTP string

	// Auth says who may use the control listeners.
	Auth Auth

	// BasePort is the first port for instances. Default 5001, 1 to 65535.
	BasePort int

	// HealthPath is the request target of the health check, with a query if
	// it has one. Default "/health"; it starts with "/".
	HealthPath string

	// StartTimeout is how long an instance may take to be ready for the first
	// time. Default 10 s, at least 1 ms.
	StartTimeout time.Duration

	// StopTimeout is the time from SIGTERM to SIGKILL. Default 5 s; 0 means
	// SIGKILL at once.
	StopTimeout time.Duration

	// DrainTimeout is how long requests in flight may take to finish when an
	// instance is to stop. Default 30 s; 0 means they are cut off.
	DrainTimeout time.Duration

	// RequestTimeout is the time an instance has until its response headers.
	// Default 30 s, at least 1 ms.
	RequestTimeout time.Duration

	// MaxConcurrency caps the requests in flight per instance; those above it
	// wait in the queue. Default 0, no cap.
	MaxConcurrency int

	// Queue says how requests wait for an instance.
	Queue Queue

	// TrustedProxies are the peers whose X-Forwarded-* headers are believed,
	// in canonical form: masked, and never an IPv4-mapped IPv6 prefix.
	// Default nil, nobody.
	TrustedProxies []netip.Prefix

	// VerifyPort says whether a port counts as an instance's own only if the
	// instance's process group listens on it. Default true.
	VerifyPort bool

	// User is whom instances run as when dynlb runs as root: the name or number
	// of a user that exists, and perhaps of a group after a colon. Default
	// empty, dynlb's own.
	User string

	// MaxRequests, MaxAge and MaxMemory (in bytes) are how many requests an
	// instance may have been given, how old it may be and how much resident
	// memory it may use before it is replaced, a new one first. Default 0, no
	// limit; MaxMemory is at least 1 MiB otherwise.
	MaxRequests int
	MaxAge      time.Duration
	MaxMemory   int64

	// Limits bound what a client may send.
	Limits Limits
}

// Limits bound what a client may send to the public listener.
type Limits struct {
	// RequestLine, Header and ChunkLine are the bytes of a request line, of the
	// whole head, and of a chunk's size and extensions. Defaults 8 KiB, 64 KiB
	// and 256; 64 to 1 MiB, RequestLine <= Header.
	RequestLine, Header, ChunkLine int64

	// HeaderFields is the number of header fields. Default 100, 1 to 10000.
	HeaderFields int

	// HeaderTimeout is how long a head may take from its first byte, BodyTimeout
	// how long a client may be silent within the content, IdleTimeout how long a
	// connection may be idle. Defaults 10 s, 30 s and 60 s; at least 1 ms.
	HeaderTimeout, BodyTimeout, IdleTimeout time.Duration

	// Connections is how many clients may be connected; more wait to be accepted.
	// Default 0, which stands for two fifths of the open files that dynlb may have
	// and does not need itself.
	Connections int
}

// Queue says how requests wait for an instance.
type Queue struct {
	// Limit is how many requests may wait. Default 1024. 0 turns waiting off,
	// which needs MinInstances > 0.
	Limit int

	// Timeout is how long a request may wait. Default 10 s, at least 1 ms.
	Timeout time.Duration
}

// Default returns the values of an empty file.
func Default() Config {
	return Config{
		MinInstances:       2,
		MaxInstances:       8,
		CheckInterval:      5 * time.Second,
		HealthTimeout:      2 * time.Second,
		ScaleUpThreshold:   3,
		ScaleDownThreshold: 0.5,
		IdleTimeout:        30 * time.Second,
		Listen:             ":4000",
		Admin:              "127.0.0.1:4001",
		AdminHTTP:          "127.0.0.1:4002",
		BasePort:           5001,
		HealthPath:         "/health",
		StartTimeout:       10 * time.Second,
		StopTimeout:        5 * time.Second,
		DrainTimeout:       30 * time.Second,
		RequestTimeout:     30 * time.Second,
		Queue:              Queue{Limit: 1024, Timeout: 10 * time.Second},
		VerifyPort:         true,
		Limits: Limits{
			RequestLine: 8 << 10, Header: 64 << 10, ChunkLine: 256, HeaderFields: 100,
			HeaderTimeout: 10 * time.Second, BodyTimeout: 30 * time.Second, IdleTimeout: 60 * time.Second,
		},
	}
}
