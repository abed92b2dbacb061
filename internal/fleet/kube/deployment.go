package kube

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// deployment is what dynlb reads of a Deployment.
type deployment struct {
	Metadata struct {
		Generation    int64             `json:"generation"`
		Annotations   map[string]string `json:"annotations"`
		ManagedFields []managedField    `json:"managedFields"`
	} `json:"metadata"`
	Spec struct {
		Replicas *int                 `json:"replicas"`
		Paused   bool                 `json:"paused"`
		Selector metav1.LabelSelector `json:"selector"`
		Template struct {
			Metadata struct {
				Annotations map[string]string `json:"annotations"`
			} `json:"metadata"`
			Spec struct {
				Containers []container `json:"containers"`
			} `json:"spec"`
		} `json:"template"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration int64       `json:"observedGeneration"`
		Replicas           int         `json:"replicas"`
		Updated            int         `json:"updatedReplicas"`
		Ready              int         `json:"readyReplicas"`
		Available          int         `json:"availableReplicas"`
		Conditions         []condition `json:"conditions"`
	} `json:"status"`
}

// managedField is who has written some fields last.
type managedField struct {
	Manager     string          `json:"manager"`
	Subresource string          `json:"subresource"`
	Time        time.Time       `json:"time"`
	Fields      json.RawMessage `json:"fieldsV1"`
}

// condition is one of an object.
type condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// replicas returns how many pods there are to be.
func (d *deployment) replicas() int {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}

// condition returns one of the conditions, or a zero one.
func (d *deployment) condition(kind string) condition {
	for _, c := range d.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return condition{}
}

// settled reports whether the status is about the present spec.
func (d *deployment) settled() bool { return d.Status.ObservedGeneration >= d.Metadata.Generation }

// rollout reports whether pods of two versions exist, or are about to. A change of the
// replicas is spread over both then.
func (d *deployment) rollout() bool {
	return !d.settled() || d.Status.Updated != d.Status.Replicas || d.Status.Replicas > d.replicas()
}

// scaler returns which manager has set the replicas, and by which subresource; "" if none has.
func (d *deployment) scaler() (name, subresource string) {
	var last time.Time
	for i := range d.Metadata.ManagedFields {
		m := &d.Metadata.ManagedFields[i]
		var fields struct {
			Spec map[string]json.RawMessage `json:"f:spec"`
		}
		if json.Unmarshal(m.Fields, &fields) != nil || fields.Spec["f:replicas"] == nil || m.Time.Before(last) {
			continue
		}
		name, subresource, last = m.Manager, m.Subresource, m.Time
	}
	return name, subresource
}

// deploymentPath returns the path of the Deployment, or of something below it.
func (s *steward) deploymentPath(below ...string) []string {
	return s.client.path("apps/v1", append([]string{"deployments", s.target.Deployment}, below...)...)
}

// read returns the Deployment.
func (s *steward) read(ctx context.Context) (*deployment, error) {
	d := new(deployment)
	if err := s.client.get(ctx, s.deploymentPath(), d); err != nil {
		return nil, err
	}
	return d, nil
}

// object is a JSON object.
type object map[string]any

// setReplicas has the Deployment scaled to n. An absolute number does no harm when it is
// written twice.
func (s *steward) setReplicas(ctx context.Context, n int) error {
	return s.client.patch(ctx, s.deploymentPath("scale"), object{"spec": object{"replicas": n}}, nil)
}

// autoscaler returns the name of the HorizontalPodAutoscaler that scales the Deployment, or
// "". known is false if dynlb may not list them.
func (s *steward) autoscaler(ctx context.Context) (name string, known bool) {
	var all struct {
		Items []struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
			Spec struct {
				Target struct {
					Kind, Name, APIVersion string
				} `json:"scaleTargetRef"`
			} `json:"spec"`
		} `json:"items"`
	}
	if err := s.client.get(ctx, s.client.path("autoscaling/v2", "horizontalpodautoscalers"), &all); err != nil {
		if apierrors.IsForbidden(err) && !s.blind {
			s.blind = true
			s.fleet.Log.Warn("autoscalers may not be listed", "error", listScalers.explain(err))
		}
		return "", false
	}
	for i := range all.Items {
		to := &all.Items[i].Spec.Target
		if to.Kind == "Deployment" && to.Name == s.target.Deployment && strings.HasPrefix(to.APIVersion, "apps/") {
			return all.Items[i].Metadata.Name, true
		}
	}
	return "", true
}
