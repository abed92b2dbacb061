package kube

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// serveDeployment reads and patches a Deployment and its scale.
func (c *cluster) serveDeployment(w http.ResponseWriter, r *http.Request) {
	_, name, _ := strings.Cut(r.URL.Path, "/deployments/")
	name, below, _ := strings.Cut(name, "/")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looks++
	d := c.deployments[name]
	if d == nil {
		c.fail(w, http.StatusNotFound, "NotFound")
		return
	}
	if r.Method == http.MethodPatch {
		var change deployment
		_ = json.NewDecoder(r.Body).Decode(&change)
		if all := change.Spec.Template.Spec.Containers; len(all) > 0 {
			if r.Header.Get("Content-Type") != "application/strategic-merge-patch+json" || all[0].Name != "app" {
				c.fail(w, http.StatusUnprocessableEntity, "Invalid")
				return
			}
			d.image = all[0].Image
		}
		if previous, ok := change.Metadata.Annotations[previousAnnotation]; ok {
			d.previous = previous
		}
		if change.Spec.Replicas != nil && below == "scale" {
			d.replicas, d.manager = *change.Spec.Replicas, r.FormValue("fieldManager")
		}
		if text, ok := change.Spec.Template.Metadata.Annotations[restartAnnotation]; ok {
			d.template = text
		}
		d.generation++
		c.reconcileLocked(d)
	}
	_ = json.NewEncoder(w).Encode(c.describeLocked(d))
}

func (c *cluster) describeLocked(d *fakeDeployment) object {
	total, updated, ready := 0, 0, 0
	for _, p := range d.pods {
		if p.gone {
			continue
		}
		total++
		if p.template == d.template && p.image == d.image {
			updated++
		}
		if p.ready {
			ready++
		}
	}
	var conditions []condition
	if d.stuck != "" {
		conditions = append(conditions, condition{"Progressing", "False", "ProgressDeadlineExceeded", d.stuck})
	}
	fields := []object{}
	if d.manager != "" {
		fields = append(fields, object{"manager": d.manager, "subresource": "scale", "time": "2026-01-01T00:00:00Z", "fieldsV1": json.RawMessage(`{"f:spec":{"f:replicas":{}}}`)})
	}
	annotations := object{}
	if d.previous != "" {
		annotations[previousAnnotation] = d.previous
	}
	return object{
		"metadata": object{"generation": d.generation, "managedFields": fields, "annotations": annotations},
		"spec": object{
			"replicas": d.replicas, "selector": object{"matchLabels": object{"app": d.name}},
			"template": object{
				"metadata": object{"annotations": object{restartAnnotation: d.template}},
				"spec":     object{"containers": []object{{"name": "app", "image": d.image}}},
			},
		},
		"status": object{
			"observedGeneration": d.generation, "replicas": total, "updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": ready,
			"conditions": conditions,
		},
	}
}

// servePod annotates a pod.
func (c *cluster) servePod(w http.ResponseWriter, r *http.Request) {
	var change struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	_ = json.NewDecoder(r.Body).Decode(&change)
	_, name, _ := strings.Cut(r.URL.Path, "/pods/")
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.deployments {
		for _, p := range d.pods {
			if p.name == name {
				p.cost, _ = strconv.Atoi(change.Metadata.Annotations[costAnnotation])
			}
		}
	}
	_, _ = fmt.Fprint(w, "{}")
}

// serveLease reads, creates and replaces a Lease. A version that is not the present one is a
// conflict.
func (c *cluster) serveLease(w http.ResponseWriter, r *http.Request) {
	_, name, _ := strings.Cut(r.URL.Path, "/leases")
	name = strings.TrimPrefix(name, "/")
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.Method == http.MethodGet {
		if c.leases[name] == nil {
			c.fail(w, http.StatusNotFound, "NotFound")
			return
		}
		_ = json.NewEncoder(w).Encode(c.leases[name])
		return
	}
	var next map[string]any
	_ = json.NewDecoder(r.Body).Decode(&next)
	meta := next["metadata"].(map[string]any)
	old := c.leases[meta["name"].(string)]
	if old != nil && old["metadata"].(map[string]any)["resourceVersion"] != meta["resourceVersion"] {
		c.fail(w, http.StatusConflict, "Conflict")
		return
	}
	c.version++
	meta["resourceVersion"] = strconv.Itoa(c.version)
	c.leases[meta["name"].(string)] = next
	_ = json.NewEncoder(w).Encode(next)
}
