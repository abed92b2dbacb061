package kube

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// endpointSlice is what dynlb reads of an EndpointSlice. The type of the package
// k8s.io/api/discovery/v1 would bring all types of core/v1 with it: 4 MB of the binary.
type endpointSlice struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Endpoints []listedEndpoint `json:"endpoints"`
	Ports     []listedPort     `json:"ports"`
}

// listedEndpoint is an entry of a slice. Nil conditions are not known.
type listedEndpoint struct {
	Addresses  []string `json:"addresses"`
	Conditions struct {
		Serving     *bool `json:"serving"`
		Terminating *bool `json:"terminating"`
	} `json:"conditions"`
	TargetRef *struct {
		Name string `json:"name"`
		UID  string `json:"uid"`
	} `json:"targetRef"`
}

// listedPort is a port of all entries of a slice.
type listedPort struct {
	Name     *string `json:"name"`
	Protocol *string `json:"protocol"`
	Port     *int32  `json:"port"`
}

// endpointSlices is a list of them.
type endpointSlices struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`

	Items []endpointSlice `json:"items"`
}

// sliceVersion is the version of the API that the types are of.
var sliceVersion = schema.GroupVersion{Group: "discovery.k8s.io", Version: "v1"}

// labelServiceName is the label of a slice with the name of its Service.
const labelServiceName = "kubernetes.io/service-name"

// addSlices has a scheme know the types.
func addSlices(to *runtime.Scheme) {
	to.AddKnownTypeWithName(sliceVersion.WithKind("EndpointSlice"), new(endpointSlice))
	to.AddKnownTypeWithName(sliceVersion.WithKind("EndpointSliceList"), new(endpointSlices))
	metav1.AddToGroupVersion(to, sliceVersion)
}

// DeepCopyObject implements runtime.Object. What entries point to is shared: nothing changes
// it.
func (s *endpointSlice) DeepCopyObject() runtime.Object {
	out := *s
	s.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Endpoints, out.Ports = slices.Clone(s.Endpoints), slices.Clone(s.Ports)
	return &out
}

// DeepCopyObject implements runtime.Object.
func (s *endpointSlices) DeepCopyObject() runtime.Object {
	out := *s
	s.ListMeta.DeepCopyInto(&out.ListMeta)
	out.Items = make([]endpointSlice, len(s.Items))
	for i := range s.Items {
		out.Items[i] = *s.Items[i].DeepCopyObject().(*endpointSlice)
	}
	return &out
}
