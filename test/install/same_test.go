package install_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// TestSame: the kustomize base and the chart install the same, also with metrics and siblings.
func TestSame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ folder, values string }{
		"defaults":   {examples + "base", ""},
		"monitoring": {"testdata/monitoring", "serviceMonitor: {enabled: true}"},
		"siblings":   {"testdata/siblings", "siblings: true"},
		"both":       {"testdata/both", "{siblings: true, serviceMonitor: {enabled: true}}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, chart := kustomize(t, c.folder), helm(t, c.values, "dynlb")
			normalize(t, base)
			normalize(t, chart)
			if diff := cmp.Diff(base, chart); diff != "" {
				t.Errorf("kustomize (-) and the chart (+) differ:\n%s", diff)
			}
		})
	}
}

// normalize takes away what is different in a chart by its nature: the labels of Helm, the
// form of the config, and the namespace in the names of objects that are in none.
func normalize(t *testing.T, all objects) {
	t.Helper()
	for key, object := range all {
		labels := object.(metav1.Object).GetLabels()
		delete(labels, "helm.sh/chart")
		delete(labels, "app.kubernetes.io/managed-by")
		switch o := object.(type) {
		case *corev1.ConfigMap:
			var config any
			if err := yaml.Unmarshal([]byte(o.Data["config.yaml"]), &config); err != nil {
				t.Fatal(err)
			}
			text, err := yaml.Marshal(config)
			if err != nil {
				t.Fatal(err)
			}
			o.Data["config.yaml"] = string(text)
		case *appsv1.Deployment: // a component of kustomize adds to the front
			pod := &o.Spec.Template.Spec
			slices.SortFunc(pod.Volumes, func(a, b corev1.Volume) int { return strings.Compare(a.Name, b.Name) })
			slices.SortFunc(pod.Containers[0].Ports, func(a, b corev1.ContainerPort) int { return strings.Compare(a.Name, b.Name) })
			slices.SortFunc(pod.Containers[0].VolumeMounts, func(a, b corev1.VolumeMount) int { return strings.Compare(a.Name, b.Name) })
		case *admissionv1.ValidatingAdmissionPolicy:
			o.Spec.MatchConditions[0].Expression = ""
		case *admissionv1.ValidatingAdmissionPolicyBinding:
			o.Spec.PolicyName = strings.ReplaceAll(o.Spec.PolicyName, "-"+namespace+"-", "-")
		}
		if o := object.(metav1.Object); strings.Contains(o.GetName(), "-"+namespace+"-") {
			delete(all, key)
			o.SetName(strings.ReplaceAll(o.GetName(), "-"+namespace+"-", "-"))
			all[strings.ReplaceAll(key, "-"+namespace+"-", "-")] = object
		}
	}
}

// TestPolicyNamesDynlb: the policy is about the service account of dynlb.
func TestPolicyNamesDynlb(t *testing.T) {
	t.Parallel()
	for release, account := range map[string]string{"dynlb": "dynlb", "shop": "shop-dynlb"} {
		all := helm(t, "", release)
		one[*corev1.ServiceAccount](t, all, "ServiceAccount "+account)
		policy := one[*admissionv1.ValidatingAdmissionPolicy](t, all, "ValidatingAdmissionPolicy "+account+"-"+namespace+"-pods")
		want := `request.userInfo.username == "system:serviceaccount:` + namespace + `:` + account + `"`
		if got := policy.Spec.MatchConditions[0].Expression; got != want {
			t.Errorf("condition %s, want %s", got, want)
		}
	}
}
