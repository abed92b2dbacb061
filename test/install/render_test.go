package install_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	examples = "../../examples/kubernetes/"
	chart    = "../../packaging/helm/dynlb"
	// namespace is where the chart is installed.
	namespace = "prod"
)

// objects are what is applied, by kind and name.
type objects map[string]any

// kinds are the types of all objects.
var kinds = map[string]func() any{
	"v1/ConfigMap":                                                     func() any { return new(corev1.ConfigMap) },
	"v1/Service":                                                       func() any { return new(corev1.Service) },
	"v1/ServiceAccount":                                                func() any { return new(corev1.ServiceAccount) },
	"apps/v1/Deployment":                                               func() any { return new(appsv1.Deployment) },
	"policy/v1/PodDisruptionBudget":                                    func() any { return new(policyv1.PodDisruptionBudget) },
	"networking.k8s.io/v1/NetworkPolicy":                               func() any { return new(networkingv1.NetworkPolicy) },
	"rbac.authorization.k8s.io/v1/Role":                                func() any { return new(rbacv1.Role) },
	"rbac.authorization.k8s.io/v1/RoleBinding":                         func() any { return new(rbacv1.RoleBinding) },
	"monitoring.coreos.com/v1/ServiceMonitor":                          func() any { return new(monitoringv1.ServiceMonitor) },
	"admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy":        func() any { return new(admissionv1.ValidatingAdmissionPolicy) },
	"admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding": func() any { return new(admissionv1.ValidatingAdmissionPolicyBinding) },
}

// decode adds an object, of which each field must be one of its kind.
func (o objects) decode(text []byte) error {
	var meta struct {
		APIVersion, Kind string
		Metadata         struct{ Name string }
	}
	if err := yaml.Unmarshal(text, &meta); err != nil {
		return err
	}
	kind := kinds[meta.APIVersion+"/"+meta.Kind]
	if kind == nil {
		return fmt.Errorf("unknown kind %s/%s", meta.APIVersion, meta.Kind)
	}
	object := kind()
	if err := yaml.UnmarshalStrict(text, object); err != nil {
		return fmt.Errorf("%s %s: %w", meta.Kind, meta.Metadata.Name, err)
	}
	key := meta.Kind + " " + meta.Metadata.Name
	if o[key] != nil {
		return fmt.Errorf("%s exists twice", key)
	}
	o[key] = object
	return nil
}

// one returns the object of a kind and name.
func one[T any](t *testing.T, o objects, key string) T {
	t.Helper()
	object, ok := o[key].(T)
	if !ok {
		t.Fatalf("no %s", key)
	}
	return object
}

// kustomize returns the objects of a folder with a kustomization.
func kustomize(t *testing.T, folder string) objects {
	t.Helper()
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatal(err)
	}
	all := objects{}
	for _, r := range rendered.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		if err := all.decode(text); err != nil {
			t.Errorf("%s: %v", folder, err)
		}
	}
	return all
}

// render returns the templates of the chart with some values, as helm template does.
func render(ctx context.Context, values, release string) (map[string]string, error) {
	loaded, err := loader.Load(chart)
	if err != nil {
		return nil, err
	}
	own := map[string]any{}
	if err := yaml.Unmarshal([]byte(values), &own); err != nil {
		return nil, err
	}
	options := common.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(loaded, own, options, nil)
	if err != nil {
		return nil, err
	}
	return engine.Engine{Strict: true}.RenderWithContext(ctx, loaded, all)
}

// helm returns the objects of the chart with some values.
func helm(t *testing.T, values, release string) objects {
	t.Helper()
	files, err := render(t.Context(), values, release)
	if err != nil {
		t.Fatal(err)
	}
	all := objects{}
	for name, text := range files {
		if filepath.Ext(name) != ".yaml" {
			continue
		}
		for part := range strings.SplitSeq(text, "\n---\n") {
			if strings.TrimSpace(part) == "" {
				continue
			}
			if err := all.decode([]byte(part)); err != nil {
				t.Errorf("%s: %v\n%s", name, err, part)
			}
		}
	}
	return all
}
