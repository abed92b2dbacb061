package config

import (
	"time"

	"github.com/dynlb/dynlb/internal/schedule"
)

// App holds the settings of one app.
type App struct {
	// Name is a DNS label, and DefaultApp for the app of a file without apps.
	Name string

	// Hosts are in lower case, IPv6 addresses in brackets; empty for any. Paths have no
	// slash at the end, but "/" itself; empty for all.
	Hosts, Paths []string

	// Strip tells that instances do not get the path of Paths that a request has.
	Strip bool

	// Location is an absolute path that existed when the file was read. Empty: the
	// demo backend, unless Command is set.
	Location string

	// Version is the label of the configured version; see [App.Label].
	Version string
	// Releases is an absolute path, or "" for none.
	Releases string

	// MinInstances and MaxInstances are the bounds of the number of instances.
	MinInstances, MaxInstances int

	// Schedule has other bounds for times of the day and the week. Min and Max of each
	// entry are set.
	Schedule schedule.Plan

	// SlowStart is 0 for none.
	SlowStart time.Duration

	// SpareInstances may be above MaxInstances, which bounds all.
	SpareInstances int

	Brakes Brakes

	CheckInterval, HealthTimeout time.Duration

	// ScaleUpThreshold and ScaleDownThreshold are finite.
	ScaleUpThreshold, ScaleDownThreshold float64

	IdleTimeout time.Duration

	// Command has its placeholders still in it; [App.Argv] replaces them. It is
	// nil for the default.
	Command []string

	// Written is Command with ${NAME} for the values of variables, as the file has it. It is
	// nil if there are none in it.
	Written []string

	// EnvFile is an absolute path, or "" for none. FileEnv are the variables in it.
	EnvFile string
	FileEnv map[string]string

	// Env is nil for no variables. Those that dynlb sets are never among them. Values have
	// {socket} and {version} still in them.
	Env map[string]string

	// Substituted are the names in Env whose values had variables of the config in them.
	Substituted []string

	// Socket is whether instances listen on Unix sockets. It is set, too, when Command or
	// Env has {socket}.
	Socket bool

	// WorkDir is an absolute path. In [Default] it is empty, which stands for
	// dynlb's own working directory.
	WorkDir string

	BasePort int

	// Protocol is what instances speak: http1, h2c, or auto.
	Protocol string

	// Health is how an instance is asked: by a request of HealthPath (http), or by
	// grpc.health.v1 (grpc).
	Health string
	// HealthPath is a request target: a path that starts with "/", with a query if
	// it has one.
	HealthPath string
	// LivenessPath is a request target, or "" for none.
	LivenessPath string

	StartTimeout, StopTimeout, DrainTimeout, RequestTimeout time.Duration

	// KeepAlive is 0 for a connection per request.
	KeepAlive time.Duration

	// MaxConcurrency is 0 for no limit, and Auto when dynlb finds the limit.
	MaxConcurrency int

	Queue Queue

	Sticky Sticky

	// Forwarded tells that instances get Forwarded (RFC 7239) besides X-Forwarded-*.
	Forwarded bool

	VerifyPort bool

	// User is the name or number of a user, optionally followed by a colon and a
	// group. Both existed when the file was read. Empty: dynlb's own user.
	User string

	// MaxRequests, MaxAge and MaxMemory, in bytes, are 0 for no limit.
	MaxRequests int
	MaxAge      time.Duration
	MaxMemory   int64

	// Kubernetes is zero when the instances are processes of this machine.
	Kubernetes Kubernetes

	Edge
}

// Queue says how requests wait for an instance.
type Queue struct {
	// Limit is 0 when requests do not wait; MinInstances is above 0 then.
	Limit int

	Timeout time.Duration
}

// DefaultApp is the name of the app of a file without apps.
const DefaultApp = "default"

// AllApps returns the apps that there are: the Apps, or the only one.
func (c *Config) AllApps() []App {
	if c.Apps != nil {
		return c.Apps
	}
	only := c.App
	only.Name = DefaultApp
	return []App{only}
}

// InstanceLimit returns the largest number of instances that there may be at any time.
func (a *App) InstanceLimit() int { return max(a.MaxInstances, a.Schedule.Max()) }
