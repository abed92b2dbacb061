package config

import (
	"fmt"
	"net"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/pattern"
)

// Kubernetes says which pods are the instances of an app. Deployment is set if any field is.
type Kubernetes struct {
	Namespace, Deployment, Service, Port string
	// Siblings is the Service that lists the dynlbs in front of the same pods, or "".
	Siblings string
	// Kubeconfig is an absolute path, or "" for the credentials of dynlb's own pod.
	Kubeconfig string
}

// OnKubernetes reports whether the instances are pods, and not processes of this machine.
func (a *App) OnKubernetes() bool { return a.Kubernetes.Deployment != "" }

// objectName is a name of most objects of Kubernetes: a DNS subdomain (RFC 1123).
var objectName = pattern.New(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

// portName is the name or the number of a port.
var portName = pattern.New(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// image is the name of an image: a registry and a path, then a tag, a digest or both.
var image = pattern.New(`^[a-zA-Z0-9][a-zA-Z0-9.-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)*(:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127})?(@[a-z0-9]+:[a-f0-9]{32,})?$`)

// checkImage checks the name of an image before it is sent to Kubernetes, which takes any text
// and has each new pod fail.
func checkImage(name string) error {
	if !image().MatchString(name) {
		return fmt.Errorf("%q is no image: with fleet.kubernetes a version is one, such as registry.example.com/web:v2", name)
	}
	return nil
}

// fleetKeys say what the instances are.
func fleetKeys(a *App) []Key {
	return []Key{{
		Name:    "fleet",
		Meaning: "What the instances are. Unset: processes of this machine.",
		Keys: []Key{{
			Name: "kubernetes", Keys: kubernetesKeys(&a.Kubernetes),
			Meaning: "The pods of a Deployment, which dynlb scales, behind a Service; see docs/kubernetes.md. Keys about processes of this machine do not apply then: " + processKeyList() + ".",
		}},
	}}
}

func kubernetesKeys(k *Kubernetes) []Key {
	return []Key{
		{
			Name: "deployment", Value: named(&k.Deployment, objectName, "the name of a Deployment, such as web"), Example: "web", Change: RollingRestart,
			Meaning: "The Deployment whose pods get the requests. Required.",
		},
		{
			Name: "service", Value: named(&k.Service, objectName, "the name of a Service, such as web"), Example: "web", Change: RollingRestart,
			Meaning: "The Service that selects the pods; it may be a headless one. Unset: the one with the name of the Deployment.",
		},
		{
			Name: "port", Value: named(&k.Port, portName, "the name or the number of a port, such as http"), Example: "http", Change: RollingRestart,
			Meaning: "The name of the port in the Service, or its number in the pods. Unset: the only one, or the one that is called http.",
		},
		{
			Name: "namespace", Value: named(&k.Namespace, portName, "the name of a namespace, such as default"), Example: "default", Change: RollingRestart,
			Meaning: "The namespace of both. Unset: that of the credentials.",
		},
		{
			Name: "siblings", Value: named(&k.Siblings, objectName, "the name of a Service, such as dynlb-siblings"), Example: "dynlb-siblings", Change: RollingRestart,
			Meaning: "A headless Service in the same namespace that selects the pods of dynlb, with the port of `admin`: several dynlbs in front of the same pods tell each other what they have, so that the least loaded pod is the one that all of them load least. It needs `admin` at an address that pods reach, such as `:4001`. Unset: each dynlb knows its own requests only.",
		},
		{
			Name: "kubeconfig", Value: checked(&k.Kubeconfig, checkReadable), Example: "kubeconfig", Change: RollingRestart,
			Meaning: "A file with the credentials, relative to the config file, which is read again at each reload. Unset: those of the service account of the pod that dynlb runs in.",
		},
	}
}

// named is a text of some form.
func named(field *string, form func() *regexp.Regexp, want string) Value {
	return Value{Kind: Name, decode: func(r *reader, at place, node *yaml.Node) {
		s, ok := word(node)
		if !ok || !form().MatchString(s) {
			r.wrong(at, node, want)
			return
		}
		*field = s
	}}
}

// ofProcesses are the keys that only concern processes of this machine.
var ofProcesses = []string{
	"location", "command", "envFile", "env", "socket", "workDir", "version", "releases", "basePort", "livenessPath", "startTimeout", "stopTimeout",
	"verifyPort", "user", "maxRequests", "maxAge", "maxMemory",
}

// processKeyList lists these keys for people.
func processKeyList() string {
	last := len(ofProcesses) - 1
	return "`" + strings.Join(ofProcesses[:last], "`, `") + "` and `" + ofProcesses[last] + "`"
}

// kubernetes checks that an app on Kubernetes has no keys about processes. One beside apps is
// for the other apps.
func (s scope) kubernetes() {
	const own = "fleet.kubernetes"
	if s.app.Kubernetes == (Kubernetes{}) && !s.isSet(s.key(own)) {
		return
	}
	if !s.app.OnKubernetes() {
		if s.good(s.key(own + ".deployment")) {
			s.problem(s.set[s.key(own)], "needs deployment: the name of the Deployment whose pods get the requests")
		}
		return
	}
	if key := s.key(own + ".siblings"); s.app.Kubernetes.Siblings != "" && s.good("admin") {
		if host, _, _ := net.SplitHostPort(s.config.Admin); IsLoopback(host) {
			s.problem(s.set[key], "needs admin at an address that the other dynlbs reach, such as :4001; got %s", s.config.Admin)
		}
	}
	for _, name := range ofProcesses {
		if key := s.prefix + name; s.isSet(key) {
			s.problem(s.set[key], "does not apply to %s: Kubernetes runs the instances; set it in the Deployment, or leave it out", own)
		}
	}
}
