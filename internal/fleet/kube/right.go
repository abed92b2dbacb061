package kube

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// right is one that the Role of dynlb has, and what does not work without it. The Role is in
// examples/kubernetes/base; a test takes each right away.
type right struct{ verb, resource, without string }

var (
	listSlices      = right{"list", "endpointslices", "the picture of the pods is taken for old"}
	watchSlices     = right{"watch", "endpointslices", "changes of the pods are noticed late"}
	getDeployment   = right{"get", "deployments", "the Deployment is neither scaled, restarted nor deployed"}
	patchScale      = right{"patch", "deployments/scale", "the Deployment is not scaled"}
	patchDeployment = right{"patch", "deployments", "the Deployment is neither restarted nor deployed"}
	createLease     = right{"create", "leases", "this dynlb does not scale"}
	getLease        = right{"get", "leases", "this dynlb does not scale"}
	updateLease     = right{"update", "leases", "this dynlb does not scale"}
	patchPod        = right{"patch", "pods", "Kubernetes chooses which pod goes, and that gets requests until then"}
	listPods        = right{"list", "pods", "the reason is not known why pods are not ready"}
	listScalers     = right{"list", "horizontalpodautoscalers", "one of the Deployment is noticed only when it scales"}
)

// explain returns an error that says which right is missing, and what does not work therefore.
// An error of another kind is returned as it is.
func (r right) explain(err error) error {
	if !apierrors.IsForbidden(err) {
		return err
	}
	return fmt.Errorf("no right to %s %s, so %s: %w", r.verb, r.resource, r.without, err)
}
