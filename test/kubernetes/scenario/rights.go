package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

// manifests is the folder of what users apply. The scenarios run with its Role, and under its
// policy, so a right that is missing there makes one fail.
func manifests() string {
	return filepath.Join(filepath.Dir(os.Getenv("CLUSTER")), "../../examples/kubernetes/base")
}

// read calls do with each object of a file, as JSON. Its Deployment is called app here.
func read(name string, do func(kind string, object []byte) error) error {
	text, err := os.ReadFile(filepath.Join(manifests(), name))
	if err != nil {
		return err
	}
	for part := range strings.SplitSeq(strings.NewReplacer("[web]", "[app]", "dynlb-web", "dynlb-app").Replace(string(text)), "\n---\n") {
		object, err := yaml.YAMLToJSON([]byte(part))
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		var meta metav1.TypeMeta
		if err := json.Unmarshal(object, &meta); err != nil {
			return err
		}
		if err := do(meta.Kind, object); err != nil {
			return fmt.Errorf("apply %s of %s: %w", meta.Kind, name, err)
		}
	}
	return nil
}

// kubeconfig has the credentials of dynlb, which is the user dynlb here.
func (w *world) kubeconfig() string { return filepath.Join(folder(), "kubeconfig-dynlb") }

// grant gives dynlb the Role of the manifests, and puts their policy in force.
func (w *world) grant(ctx context.Context) error {
	admin, err := os.ReadFile(filepath.Join(folder(), "kubeconfig"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(w.kubeconfig(), []byte(strings.ReplaceAll(string(admin), `"token":"admin"`, `"token":"dynlb"`)), 0o600); err != nil {
		return err
	}
	err = read("rbac.yaml", func(kind string, object []byte) error {
		if kind != "Role" {
			return nil
		}
		role := new(rbacv1.Role)
		if err := json.Unmarshal(object, role); err != nil {
			return err
		}
		_, err := w.client.RbacV1().Roles(w.namespace).Create(ctx, role, metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return err
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "dynlb"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "dynlb"},
		Subjects: []rbacv1.Subject{{Kind: "User", Name: "dynlb", APIGroup: rbacv1.GroupName}},
	}
	if _, err := w.client.RbacV1().RoleBindings(w.namespace).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		return err
	}
	return read("policy.yaml", func(kind string, object []byte) error { return w.limit(ctx, kind, object) })
}

// limit puts the policy in force, for the user dynlb.
func (w *world) limit(ctx context.Context, kind string, object []byte) error {
	api := w.client.AdmissionregistrationV1()
	var err error
	if kind == "ValidatingAdmissionPolicy" {
		policy := new(admissionv1.ValidatingAdmissionPolicy)
		if err := json.Unmarshal(object, policy); err != nil {
			return err
		}
		policy.Spec.MatchConditions[0].Expression = `request.userInfo.username == "dynlb"`
		_, err = api.ValidatingAdmissionPolicies().Create(ctx, policy, metav1.CreateOptions{})
	} else {
		binding := new(admissionv1.ValidatingAdmissionPolicyBinding)
		if err := json.Unmarshal(object, binding); err != nil {
			return err
		}
		_, err = api.ValidatingAdmissionPolicyBindings().Create(ctx, binding, metav1.CreateOptions{})
	}
	if apierrors.IsAlreadyExists(err) {
		return nil // of an earlier scenario
	}
	return err
}

// validate has the API server check the other manifests, without creating anything.
func (w *world) validate(ctx context.Context) error {
	groups := map[string]string{
		"Deployment": "/apis/apps/v1/namespaces/%s/deployments", "Service": "/api/v1/namespaces/%s/services",
		"PodDisruptionBudget": "/apis/policy/v1/namespaces/%s/poddisruptionbudgets", "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/%s/networkpolicies",
	}
	check := func(kind string, object []byte) error {
		return w.client.CoreV1().RESTClient().Post().AbsPath(fmt.Sprintf(groups[kind], w.namespace)).
			Param("dryRun", "All").Param("fieldValidation", "Strict").SetHeader("Content-Type", "application/json").Body(object).Do(ctx).Error()
	}
	return errors.Join(read("deployment.yaml", check), read("../app/app.yaml", check))
}

// limitRights: with its rights, dynlb may change the deletion cost of a pod, and nothing else.
func limitRights(ctx context.Context, r *run) {
	if err := r.deploy(ctx, 1, false); err != nil {
		r.failf("%v", err)
		return
	}
	r.must(r.validate(ctx))
	r.awaitPods(ctx, 1)
	config, err := clientcmd.BuildConfigFromFlags("", r.kubeconfig())
	if err != nil {
		r.failf("%v", err)
		return
	}
	own, err := kubernetes.NewForConfig(config)
	if err != nil {
		r.failf("%v", err)
		return
	}
	name := r.pods(ctx)[0].Name
	change := func(patch string) error {
		_, err := own.CoreV1().Pods(r.namespace).Patch(ctx, name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
		return err
	}
	for what, patch := range map[string]string{
		"image":      `{"spec":{"containers":[{"name":"app","image":"other"}]}}`,
		"label":      `{"metadata":{"labels":{"app":"other"}}}`,
		"annotation": `{"metadata":{"annotations":{"other":"x"}}}`,
	} {
		if !await(ctx, 10*time.Second, func() bool { return apierrors.IsInvalid(change(patch)) || apierrors.IsForbidden(change(patch)) }) {
			r.failf("dynlb may change the %s of a pod: %v", what, change(patch))
		}
	}
	if err := change(`{"metadata":{"annotations":{"controller.kubernetes.io/pod-deletion-cost":"-5"}}}`); err != nil {
		r.failf("dynlb may not set the deletion cost: %v", err)
	}
	r.say("the policy allows the deletion cost only")
}
