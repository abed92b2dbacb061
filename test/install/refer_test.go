package install_test

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// installs are all ways to install dynlb.
func installs(t *testing.T) map[string]objects {
	t.Helper()
	monitored := "serviceMonitor: {enabled: true, labels: {release: prometheus}}"
	return map[string]objects{
		"base": kustomize(t, examples+"base"), "monitoring": kustomize(t, "testdata/monitoring"), "example": kustomize(t, examples+"app"),
		"chart": helm(t, "", "dynlb"), "chart with metrics": helm(t, monitored, "dynlb"),
		"siblings": kustomize(t, "testdata/siblings"), "chart with siblings": helm(t, "siblings: true", "dynlb"),
	}
}

// TestReferences: what objects refer to exists: pods by labels, ports, volumes, files and names.
func TestReferences(t *testing.T) {
	t.Parallel()
	for name, all := range installs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := &one[*appsv1.Deployment](t, all, "Deployment dynlb").Spec.Template
			for key, object := range all {
				checkReferences(t, all, pod, key, object)
			}
			one[*corev1.ServiceAccount](t, all, "ServiceAccount "+pod.Spec.ServiceAccountName)
		})
	}
}

func checkReferences(t *testing.T, all objects, dynlb *corev1.PodTemplateSpec, key string, object any) {
	t.Helper()
	switch o := object.(type) {
	case *appsv1.Deployment:
		checkSelector(t, key, o.Spec.Selector, &o.Spec.Template)
		for i := range o.Spec.Template.Spec.TopologySpreadConstraints {
			checkSelector(t, key, o.Spec.Template.Spec.TopologySpreadConstraints[i].LabelSelector, &o.Spec.Template)
		}
		checkPod(t, all, key, &o.Spec.Template.Spec)
	case *corev1.Service:
		pod := dynlb
		if !strings.HasPrefix(o.Name, "dynlb") {
			pod = &one[*appsv1.Deployment](t, all, "Deployment "+o.Name).Spec.Template
		}
		checkSelector(t, key, &metav1.LabelSelector{MatchLabels: o.Spec.Selector}, pod)
		for _, p := range o.Spec.Ports {
			checkPort(t, key, p.TargetPort.String(), pod)
		}
	case *policyv1.PodDisruptionBudget:
		checkSelector(t, key, o.Spec.Selector, dynlb)
	case *networkingv1.NetworkPolicy:
		checkSelector(t, key, &o.Spec.PodSelector, dynlb)
		for _, rule := range o.Spec.Ingress {
			for _, p := range rule.Ports {
				checkPort(t, key, p.Port.String(), dynlb)
			}
			for _, peer := range rule.From {
				checkSelector(t, key, peer.PodSelector, dynlb)
			}
		}
	case *rbacv1.RoleBinding:
		one[*rbacv1.Role](t, all, "Role "+o.RoleRef.Name)
		one[*corev1.ServiceAccount](t, all, "ServiceAccount "+o.Subjects[0].Name)
	}
}

func checkSelector(t *testing.T, key string, s *metav1.LabelSelector, pod *corev1.PodTemplateSpec) {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil || selector.Empty() || !selector.Matches(labels.Set(pod.Labels)) {
		t.Errorf("%s: selector %v, %v does not match %v", key, selector, err, pod.Labels)
	}
}

func checkPort(t *testing.T, key, port string, pod *corev1.PodTemplateSpec) {
	t.Helper()
	if !slices.ContainsFunc(pod.Spec.Containers[0].Ports, func(p corev1.ContainerPort) bool { return p.Name == port }) {
		t.Errorf("%s: the pod has no port %s", key, port)
	}
}

func checkPod(t *testing.T, all objects, key string, pod *corev1.PodSpec) {
	t.Helper()
	volumes := map[string]bool{}
	for i := range pod.Volumes {
		v := &pod.Volumes[i]
		volumes[v.Name] = true
		if v.ConfigMap != nil {
			one[*corev1.ConfigMap](t, all, "ConfigMap "+v.ConfigMap.Name)
		}
		if v.Secret != nil && (*v.Secret.DefaultMode&0o007 != 0 || pod.SecurityContext.FSGroup == nil) {
			t.Errorf("%s: files of Secret %s have mode %o: dynlb refuses those that all may read", key, v.Secret.SecretName, *v.Secret.DefaultMode)
		}
	}
	for _, m := range pod.Containers[0].VolumeMounts {
		if !volumes[m.Name] {
			t.Errorf("%s: there is no volume %s", key, m.Name)
		}
	}
}

// TestRestricted: all pods are allowed by the strictest Pod Security Standard.
func TestRestricted(t *testing.T) {
	t.Parallel()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, all := range installs(t) {
		for key, object := range all {
			d, ok := object.(*appsv1.Deployment)
			if !ok {
				continue
			}
			level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
			result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &d.Spec.Template.ObjectMeta, &d.Spec.Template.Spec))
			if !result.Allowed {
				t.Errorf("%s: %s is forbidden: %s", name, key, result.ForbiddenDetail())
			}
		}
	}
}
