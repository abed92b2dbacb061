package kube

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/fleet/probe"
	"github.com/dynlb/dynlb/internal/sibling"
)

// Settings are what Configure can change.
type Settings struct {
	// Cluster says where the pods are.
	Cluster Cluster
	// CheckInterval is the time between dynlb's own health checks of a pod, and
	// HealthTimeout bounds one.
	CheckInterval, HealthTimeout time.Duration
	// DrainTimeout is how long the requests of a pod may take to finish before the
	// Deployment is scaled down.
	DrainTimeout time.Duration
	// Check is the protocol of health checks, and HealthPath their path. GRPCHealth has
	// them be calls of grpc.health.v1 instead.
	Check      probe.Check
	GRPCHealth bool
	HealthPath string

	// Access says how siblings are reached.
	Access sibling.Access

	pace *pace // of tests; nil: the usual one
}

// Cluster is a Deployment, its Service, and how to reach their API server. Create one with
// Connect.
type Cluster struct {
	Target
	config *rest.Config
	ca     string // the content of the CA's file
}

// Target names a Deployment and its Service.
type Target struct {
	// Kubeconfig is the path of a file with credentials. Empty: those of the pod that dynlb
	// runs in.
	Kubeconfig string
	// Namespace is that of both. Empty: that of the credentials.
	Namespace string
	// Deployment is what is scaled. Service lists its pods; empty: the one of the same name.
	Deployment, Service string
	// Port is the name or the number of a port of the pods. Empty: the only one, or the one
	// that is called http.
	Port string
	// Siblings is the Service that lists the dynlbs in front of these pods, at their admin
	// listeners. Empty: this is the only one.
	Siblings string
}

// namespaceFile has the namespace of a pod, beside the token of its service account.
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// Connect reads the credentials of a Target. It sends nothing.
func Connect(to Target) (Cluster, error) {
	c := Cluster{Target: to}
	c.Service = cmp.Or(to.Service, to.Deployment)
	if to.Kubeconfig == "" {
		return c, c.inCluster()
	}
	from := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: to.Kubeconfig}, &clientcmd.ConfigOverrides{})
	config, err := from.ClientConfig()
	if err != nil {
		return c, fmt.Errorf("read kubeconfig: %w", err)
	}
	c.config = config
	c.readCA()
	if c.Namespace == "" {
		if c.Namespace, _, err = from.Namespace(); err != nil {
			return c, fmt.Errorf("read kubeconfig: %w", err)
		}
	}
	return c, nil
}

// inCluster takes the credentials of the pod that dynlb runs in.
func (c *Cluster) inCluster() error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("find credentials: dynlb does not run in a pod with a service account (%w); set fleet.kubernetes.kubeconfig", err)
	}
	c.config = config
	c.readCA()
	if c.Namespace != "" {
		return nil
	}
	text, err := os.ReadFile(namespaceFile)
	if err != nil {
		return fmt.Errorf("find namespace: %w; set fleet.kubernetes.namespace", err)
	}
	c.Namespace = strings.TrimSpace(string(text))
	return nil
}

// Kind returns "kubernetes".
func (Settings) Kind() string { return "kubernetes" }

// New returns a Fleet with the settings.
func (s Settings) New(options fleet.Options) fleet.Fleet { return New(options, s) }

// pace is how often things are done.
type pace struct {
	lease, renew, retry time.Duration // of the election; see elector
	retryMin, retryMax  time.Duration // of a watch
	heartbeat           time.Duration // between two signs of life of the API server
	settle              time.Duration // from the annotation of a pod to the scaling
	busy, calm          time.Duration // between two looks at the Deployment
	review              time.Duration // between two looks at all pods
}

// usual is the pace outside of tests.
var usual = pace{
	// The defaults of client-go's leader election. A candidate takes over 13 to 24 s after
	// a leader was killed.
	lease: 15 * time.Second, renew: 10 * time.Second, retry: 2 * time.Second,
	// A SharedInformerFactory waits from 0.8 to 30 s, twice: it was right 80 s after the
	// API server was back.
	retryMin: 200 * time.Millisecond, retryMax: 2 * time.Second,
	heartbeat: 5 * time.Second,
	// The annotation and the scaling reach the controller by two watches. 0.6 s were
	// too few once, in 1.22 under load (kubernetes/kubernetes#126138).
	settle: time.Second,
	busy:   500 * time.Millisecond, calm: 5 * time.Second,
	review: 100 * time.Millisecond,
}

func (s *Settings) paceOf() *pace {
	if s.pace != nil {
		return s.pace
	}
	return &usual
}

// prober returns what makes the health checks, and their path.
func (s *Settings) prober() (probe.Prober, string) {
	if s.GRPCHealth {
		return probe.GRPC, ""
	}
	return probe.Of(s.Check), s.HealthPath
}
