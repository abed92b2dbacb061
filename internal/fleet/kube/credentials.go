package kube

import (
	"net/http"
	"net/url"
	"os"
	"reflect"

	"k8s.io/client-go/rest"
)

// Same reports whether other names the same objects, and reaches their API server in the
// same way. Credentials that are in files of their own, such as the token of a service
// account, are read again by the client and do not count; the CA does.
func (c *Cluster) Same(other *Cluster) bool {
	return c.Target == other.Target && c.ca == other.ca &&
		proxyOf(c.config) == proxyOf(other.config) && reflect.DeepEqual(withoutFunctions(c.config), withoutFunctions(other.config))
}

// Same reports whether two fleets reach the same pods and siblings in the same way.
func (s *Settings) Same(other *Settings) bool {
	return s.Cluster.Same(&other.Cluster) && s.Access.Key == other.Access.Key
}

// readCA notes the content of the CA, which is read when a client is made. One that cannot
// be read is an error then.
func (c *Cluster) readCA() {
	content, _ := os.ReadFile(c.config.CAFile)
	c.ca = string(content)
}

// withoutFunctions returns a copy of a config that can be compared.
func withoutFunctions(config *rest.Config) *rest.Config {
	if config == nil {
		return nil
	}
	c := rest.CopyConfig(config)
	c.Proxy, c.Dial, c.WrapTransport, c.Transport = nil, nil, nil, nil
	return c
}

// proxyOf returns the proxy to the API server that the config names, or "".
func proxyOf(config *rest.Config) string {
	if config == nil || config.Proxy == nil {
		return ""
	}
	proxy, err := config.Proxy(&http.Request{URL: &url.URL{Scheme: "https", Host: "kubernetes"}})
	if err != nil || proxy == nil {
		return ""
	}
	return proxy.String()
}
