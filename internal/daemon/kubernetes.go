package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/fleet/kube"
	"github.com/dynlb/dynlb/internal/sibling"
)

// podConnectTimeout is how long connecting to a pod may take. Nothing answers at the address
// of a pod that has gone, for three seconds or longer, and there is another pod. A SYN that
// is lost is sent again after 1 s (RFC 6298, 2.1).
const podConnectTimeout = time.Second

// fleetOf returns the settings of the instances of an app, whatever they are.
func fleetOf(settings *config.App, on host) (fleet.Settings, error) {
	if !settings.OnKubernetes() {
		return fleetSettings(settings, on)
	}
	k := &settings.Kubernetes
	cluster, err := kube.Connect(kube.Target{
		Kubeconfig: k.Kubeconfig, Namespace: k.Namespace, Deployment: k.Deployment, Service: k.Service, Port: k.Port, Siblings: k.Siblings,
	})
	if err != nil {
		return nil, fmt.Errorf("fleet.kubernetes: %w", err)
	}
	return kube.Settings{
		Cluster:       cluster,
		CheckInterval: settings.CheckInterval,
		HealthTimeout: settings.HealthTimeout,
		DrainTimeout:  settings.DrainTimeout,
		Check:         healthCheck(settings),
		GRPCHealth:    settings.Health == "grpc",
		HealthPath:    settings.HealthPath,
		Access:        on.access,
	}, nil
}

// sameCluster reports whether two fleets, if they are of pods, reach these in the same way.
func sameCluster(a, b fleet.Settings) bool {
	before, pods := a.(kube.Settings)
	now, still := b.(kube.Settings)
	return !pods || !still || before.Same(&now)
}

// siblingAccess returns how other dynlbs with this config are reached, if an app has siblings.
func siblingAccess(all []config.App, settings *config.Config, log *slog.Logger) (sibling.Access, error) {
	if !slices.ContainsFunc(all, func(a config.App) bool { return a.Kubernetes.Siblings != "" }) {
		return sibling.Access{}, nil
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	auth, err := serverAuth(settings.Auth, log)
	if err != nil {
		return sibling.Access{}, err
	}
	out := sibling.Access{Key: fmt.Sprintf("%q", settings.Auth)}
	if auth.Token != nil {
		out.Token = auth.Token.Value
	}
	if auth.TLS != nil {
		out.Pair = func() (tls.Certificate, *x509.CertPool) {
			now := auth.TLS.Value()
			return now.Pair, now.ClientCAs
		}
	}
	return out, nil
}

// connectTimeout returns how long connecting to an instance may take; 0 for the default.
func connectTimeout(settings *config.App) time.Duration {
	if settings.OnKubernetes() {
		return podConnectTimeout
	}
	return 0
}
