package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

const (
	// manager is what dynlb is called among the managers of fields.
	manager = "dynlb"
	// callTimeout bounds a request to the API server other than a watch.
	callTimeout = 5 * time.Second
	// pingAfter and pingTimeout find a connection on which nothing arrives any more. The
	// defaults of client-go are 30 and 15 s.
	pingAfter, pingTimeout = 5 * time.Second, 5 * time.Second
)

// client sends requests to an API server, about one namespace.
type client struct {
	*rest.RESTClient
	namespace string
	idle      func() // closes idle connections
}

// newClient returns a client. It knows the type EndpointSlice only, since the generated
// clients would bring those of the whole API; the other objects are read in part.
func newClient(c *Cluster) (*client, error) {
	if c.config == nil {
		return nil, errors.New("there are no credentials of a cluster")
	}
	config := rest.CopyConfig(c.config)
	config.GroupVersion = &sliceVersion
	config.APIPath = "/apis"
	config.QPS = -1 // the default, 5 a second, would make twenty pods wait for 4 s
	config.UserAgent = manager
	scheme := runtime.NewScheme()
	addSlices(scheme)
	metav1.AddToGroupVersion(scheme, metav1.SchemeGroupVersion)
	config.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	tls, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("create client: %w", err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	proxy := config.Proxy
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	transport := &http.Transport{
		Proxy: proxy, TLSClientConfig: tls, Protocols: protocols, TLSHandshakeTimeout: callTimeout, IdleConnTimeout: time.Minute,
		DialContext: (&net.Dialer{Timeout: callTimeout}).DialContext,
		HTTP2:       &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}
	wrapped, err := rest.HTTPWrappersForConfig(config, transport)
	if err != nil {
		return nil, fmt.Errorf("create client: %w", err)
	}
	api, err := rest.RESTClientForConfigAndClient(config, &http.Client{Transport: wrapped})
	if err != nil {
		return nil, fmt.Errorf("create client: %w", err)
	}
	return &client{api, c.Namespace, transport.CloseIdleConnections}, nil
}

// path returns the path of an object, such as apps/v1 and [deployments web].
func (c *client) path(group string, parts ...string) []string {
	return append([]string{"/apis", group, "namespaces", c.namespace}, parts...)
}

// corePath is path for the group without a name.
func (c *client) corePath(parts ...string) []string {
	return append([]string{"/api/v1/namespaces", c.namespace}, parts...)
}

// do sends a request, and reads the answer into out if that is not nil.
func do(ctx context.Context, r *rest.Request, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer := r.SetHeader("Accept", "application/json").Do(ctx)
	if err := answer.Error(); err != nil || out == nil { // Raw has no text of the error
		return err
	}
	content, err := answer.Raw()
	if err != nil {
		return err
	}
	return json.Unmarshal(content, out)
}

// get reads an object.
func (c *client) get(ctx context.Context, path []string, out any) error {
	return do(ctx, c.Get().AbsPath(path...), out)
}

// patch merges a change into an object.
func (c *client) patch(ctx context.Context, path []string, change, out any) error {
	body, err := json.Marshal(change)
	if err != nil {
		return err
	}
	return do(ctx, c.Patch(types.MergePatchType).AbsPath(path...).Param("fieldManager", manager).Body(body), out)
}

// merge is patch for lists whose elements have names, such as the containers of a pod.
func (c *client) merge(ctx context.Context, path []string, change any) error {
	body, err := json.Marshal(change)
	if err != nil {
		return err
	}
	return do(ctx, c.Patch(types.StrategicMergePatchType).AbsPath(path...).Param("fieldManager", manager).Body(body), nil)
}

// write creates an object, or replaces it.
func write(ctx context.Context, r *rest.Request, object, out any) error {
	body, err := json.Marshal(object)
	if err != nil {
		return err
	}
	return do(ctx, r.SetHeader("Content-Type", "application/json").Param("fieldManager", manager).Body(body), out)
}
