package install_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// TestMistyped: a wrong value of the chart, or a wrong field of an object, is an error.
func TestMistyped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ values, want string }{
		{"replica: 3", "replica"},
		{"replicas: three", "replicas"},
		{"service: {typ: NodePort}", "typ"},
		{"serviceMonitor: {enable: true}", "enable"},
		{"config: {fleet: {kubernetes: {namespace: other}}}", "config.fleet.kubernetes.namespace"},
		{"config: {fleet: null}", "config.fleet.kubernetes.deployment"},
	} {
		if _, err := render(t.Context(), c.values, "dynlb"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("values %s: %v, want one about %s", c.values, err, c.want)
		}
	}
	for _, text := range []string{
		"apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {selectr: {}}",
		"apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {}\nspec: {}",
		"apiVersion: v1\nkind: Servce\nmetadata: {name: x}",
	} {
		if (objects{}).decode([]byte(text)) == nil {
			t.Errorf("no error for %q", text)
		}
	}
}

// TestValues: what values change.
func TestValues(t *testing.T) {
	t.Parallel()
	rights := func(all objects, resource string) (verbs, names []string) {
		for _, rule := range one[*rbacv1.Role](t, all, "Role dynlb").Rules {
			if slices.Contains(rule.Resources, resource) {
				verbs, names = append(verbs, rule.Verbs...), append(names, rule.ResourceNames...)
			}
		}
		return verbs, names
	}
	apps := helm(t, `config: {fleet: null, apps: {shop: {fleet: {kubernetes: {deployment: shop}}}, api: {fleet: {kubernetes: {deployment: api}}}}}`, "dynlb")
	if _, names := rights(apps, "deployments"); !slices.Equal(names, []string{"api", "shop"}) {
		t.Errorf("Deployments %v", names)
	}
	if _, names := rights(apps, "leases"); !slices.Equal(names, []string{"dynlb-api", "dynlb-shop"}) {
		t.Errorf("Leases %v", names)
	}
	together := helm(t, `{siblings: true, config: {fleet: null, apps: {shop: {fleet: {kubernetes: {deployment: shop}}}, local: {}}}}`, "dynlb")
	text := one[*corev1.ConfigMap](t, together, "ConfigMap dynlb").Data["config.yaml"]
	if n := strings.Count(text, "siblings: dynlb-siblings"); n != 1 || !strings.Contains(text, "deployment: shop\n") {
		t.Errorf("siblings %d times in\n%s", n, text)
	}
	if verbs, _ := rights(helm(t, "deletionCost: false", "dynlb"), "pods"); !slices.Equal(verbs, []string{"list"}) {
		t.Errorf("verbs of pods %v", verbs)
	}
	without := helm(t, "{policy: false, networkPolicy: false, podDisruptionBudget: false}", "dynlb")
	for key := range without {
		if kind, _, _ := strings.Cut(key, " "); strings.Contains(kind, "Policy") || strings.Contains(kind, "Budget") {
			t.Errorf("there is a %s", kind)
		}
	}
}

// TestRelease: two releases in a namespace share no name.
func TestRelease(t *testing.T) {
	t.Parallel()
	monitored := "{siblings: true, serviceMonitor: {enabled: true}}"
	first, second := helm(t, monitored, "dynlb"), helm(t, monitored, "shop")
	for key := range first {
		if second[key] != nil {
			t.Errorf("both have %s", key)
		}
	}
}
