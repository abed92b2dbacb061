package daemon

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/dynlb/dynlb/internal/app"
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/fleet/local"
	"github.com/dynlb/dynlb/internal/process/account"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/route"
)

// plan is a config as the settings of each part. A reload may change all of it.
type plan struct {
	config config.Config
	apps   map[string]appPlan // by name
	proxy  proxy.Settings
}

// appPlan is what a config says of an app.
type appPlan struct {
	app.Settings
	config config.App
}

// newPlan returns the plan of a config, or why this process cannot run it. The instances
// of all apps take their ports from the same Ports.
func newPlan(settings config.Config, on host) (plan, error) {
	p := plan{config: settings, apps: map[string]appPlan{}, proxy: proxySettings(&settings)}
	all, sampler := settings.AllApps(), tracingSampler(&settings.Tracing)
	var err error
	if on.access, err = siblingAccess(all, &settings, on.log); err != nil {
		return plan{}, err
	}
	for i := range all {
		one, err := appSettings(&all[i], on, sampler)
		if err != nil && settings.Apps != nil {
			err = fmt.Errorf("app %s: %w", all[i].Name, err)
		}
		if err != nil {
			return plan{}, err
		}
		p.apps[all[i].Name] = appPlan{one, all[i]}
	}
	return p, nil
}

// appSettings returns the settings of an app.
func appSettings(settings *config.App, on host, sampler *edge.Sampler) (app.Settings, error) {
	own, err := fleetOf(settings, on)
	if err != nil {
		return app.Settings{}, err
	}
	inFront, err := edgeSettings(&settings.Edge)
	if err != nil {
		return app.Settings{}, err
	}
	inFront.Trace = sampler
	queueing, scaling := Simulated(settings)
	return app.Settings{
		Registry: queueing,
		Scaling:  scaling,
		Fleet:    own,
		Versions: versions{*settings, on},
		Requests: route.Settings{
			RequestTimeout: settings.RequestTimeout, KeepAlive: keepAlive(settings.KeepAlive), Sticky: stickyRules(settings, on), Forwarded: settings.Forwarded, Edge: edge.New(inFront),
			Protocol: protocol(settings), ConnectTimeout: connectTimeout(settings),
		},
	}, nil
}

// fleetSettings returns the settings of the instances of an app.
func fleetSettings(settings *config.App, on host) (local.Settings, error) {
	argv, socketArgv, err := command(settings)
	if err != nil {
		return local.Settings{}, err
	}
	user, err := instanceUser(settings)
	if err != nil {
		return local.Settings{}, err
	}
	return local.Settings{
		Program: local.Program{
			Argv:       argv,
			SocketArgv: socketArgv,
			Version:    settings.Label(),
			Location:   settings.Location,
			Command:    settings.Command,
			User:       settings.User,
			Account:    user,
			FileEnv:    settings.FileEnv,
			Env:        settings.Variables(),
			WorkDir:    settings.WorkDir,
			Check:      healthCheck(settings),
			GRPCHealth: settings.Health == "grpc",
			HealthPath: settings.HealthPath, LivenessPath: settings.LivenessPath,
			VerifyPort: settings.VerifyPort,
		},
		BasePort:       settings.BasePort,
		Ports:          on.ports,
		Keeper:         on.keeper(),
		CheckInterval:  settings.CheckInterval,
		HealthTimeout:  settings.HealthTimeout,
		StartTimeout:   settings.StartTimeout,
		DrainTimeout:   settings.DrainTimeout,
		StopTimeout:    settings.StopTimeout,
		RequestTimeout: settings.RequestTimeout,
		MaxRequests:    settings.MaxRequests,
		MaxAge:         settings.MaxAge,
		MaxMemory:      settings.MaxMemory,
	}, nil
}

// instanceLimit returns the largest number of instances that all apps may have together.
func instanceLimit(settings *config.Config) int {
	n := 0
	for _, a := range settings.AllApps() {
		n += a.InstanceLimit()
	}
	return n
}

// keepAlive returns the setting of an app for the key keepAlive.
func keepAlive(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// proxySettings returns the settings of the proxy.
func proxySettings(settings *config.Config) proxy.Settings {
	limits := &settings.Limits
	connections := limits.Connections
	if connections == 0 {
		connections = connectionsWithin(openFiles(), instanceLimit(settings))
	}
	minRate := int(limits.MinRate)
	if minRate == 0 {
		minRate = -1 // there, 0 is the default
	}
	return proxy.Settings{
		TrustedProxies: settings.TrustedProxies,
		ProxyProtocol:  settings.ProxyProtocol,
		Limits: http1.Limits{
			Line: int(limits.RequestLine), Head: int(limits.Header), Fields: limits.HeaderFields,
			ChunkLine: int(limits.ChunkLine), Underscores: settings.UnderscoreFields,
		},
		HeadTimeout:    limits.HeaderTimeout,
		BodyTimeout:    limits.BodyTimeout,
		IdleTimeout:    limits.IdleTimeout,
		MinRate:        minRate,
		HideStatus:     !settings.Status,
		Plain:          !settings.TLS.On(),
		RequestID:      settings.Edge.RequestID,
		Describe:       settings.AccessLog.To != "",
		MaxConnections: connections,
		MaxStreams:     connectionsWithin(openFiles(), instanceLimit(settings)),
	}
}

// ConfigError says why this process cannot run a config that is valid in itself.
type ConfigError struct{ error }

// Unwrap returns the reason.
func (e ConfigError) Unwrap() error { return e.error }

// Check returns a [ConfigError] if this process cannot run a valid config.
func Check(settings config.Config) error {
	if _, err := newPlan(settings, host{}); err != nil {
		return ConfigError{err}
	}
	return nil
}

// builtIn reports whether instances are the demo backend: the config names no program.
func builtIn(settings *config.App) bool {
	return settings.Argv(0) == nil && !settings.OnKubernetes()
}

// command returns the command line of an instance on a port: that of the config,
// or that of the built-in demo backend. onSocket is the one of an instance on a Unix
// socket, or nil if instances listen on ports.
func command(settings *config.App) (onPort func(port int) []string, onSocket func(path string) []string, err error) {
	onPort, onSocket = settings.Argv, settings.SocketArgv
	if builtIn(settings) {
		self, err := os.Executable()
		if err != nil {
			return nil, nil, fmt.Errorf("find the demo backend: %w", err)
		}
		onPort = func(port int) []string { return []string{self, "backend", "--port", strconv.Itoa(port)} }
		onSocket = func(path string) []string { return []string{self, "backend", "--socket", path} }
	}
	if !settings.Socket {
		onSocket = nil
	}
	return onPort, onSocket, nil
}

// instanceUser returns the user that instances run as, nil for dynlb's own.
func instanceUser(settings *config.App) (*account.User, error) {
	if settings.User == "" {
		return nil, nil
	}
	user, err := account.Lookup(settings.User)
	if err != nil {
		return nil, fmt.Errorf("user: %w", err)
	}
	if os.Geteuid() != 0 && int(user.UID) != os.Geteuid() {
		return nil, fmt.Errorf("user: %s needs dynlb to run as root; start it as root, or as that user and without the key", settings.User)
	}
	return user, nil
}

// logPlan logs what an operator may not expect of a config.
func logPlan(log *slog.Logger, p *plan) {
	logOpenFiles(log, &p.config)
	for _, a := range p.config.AllApps() {
		if !builtIn(&a) {
			continue
		}
		if p.config.Apps != nil {
			log.Info("no location or command set, running the built-in demo backend", "app", a.Name)
		} else {
			log.Info("no location or command set, running the built-in demo backend")
		}
	}
}
