package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// world is a namespace with a Deployment and a Service "app" in it, and the dynlbs in front.
type world struct {
	client    *kubernetes.Clientset
	namespace string
	baseline  bool
	balancers []*balancer
}

// folder has the state and the logs of the cluster.
func folder() string { return os.Getenv("RUN") }

// control runs a command of cluster.sh, such as stop kubelet.
func control(args ...string) error {
	out, err := exec.Command(os.Getenv("CLUSTER"), args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%v: %w: %s", args, err, out)
	}
	return nil
}

func newWorld(ctx context.Context, baseline bool) (*world, error) {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(folder(), "kubeconfig"))
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	namespace, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "t-"}}, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	w := &world{client: client, namespace: namespace.Name, baseline: baseline}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "app"}, Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": "app"}, ClusterIP: "None",
		Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)}},
	}}
	if _, err = client.CoreV1().Services(w.namespace).Create(ctx, service, metav1.CreateOptions{}); err != nil {
		return nil, err
	}
	return w, w.grant(ctx)
}

// deploy creates the Deployment. A polite app has a preStop hook and finishes what is in
// flight; a rude one ends at once.
func (w *world) deploy(ctx context.Context, replicas int32, polite bool) error {
	return w.deployAs(ctx, replicas, polite, func(*corev1.Container) {})
}

// deployAs is deploy with a container that is changed before.
func (w *world) deployAs(ctx context.Context, replicas int32, polite bool, change func(*corev1.Container)) error {
	labels := map[string]string{"app": "app"}
	container := corev1.Container{
		Name: "app", Image: "none", Command: []string{os.Getenv("APP"), "app"},
		Env: []corev1.EnvVar{{Name: "PORT", Value: "8080"}},
		ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: "/health", Port: intstr.FromInt32(8080),
		}}, PeriodSeconds: 1, FailureThreshold: 1},
	}
	if polite {
		container.Env = append(container.Env, corev1.EnvVar{Name: "TERM", Value: "close"})
		container.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 3}}}
	}
	change(&container)
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "app"}, Spec: appsv1.DeploymentSpec{
		Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"probe-ms": "100"}},
			Spec:       corev1.PodSpec{TerminationGracePeriodSeconds: new(int64(20)), Containers: []corev1.Container{container}},
		},
	}}
	_, err := w.client.AppsV1().Deployments(w.namespace).Create(ctx, d, metav1.CreateOptions{})
	return err
}

// deployWhole is deployAs, and waits for the pods.
func (w *world) deployWhole(ctx context.Context, replicas int32, polite bool, change func(*corev1.Container)) error {
	if err := w.deployAs(ctx, replicas, polite, change); err != nil {
		return err
	}
	if !w.awaitPods(ctx, int(replicas)) {
		return fmt.Errorf("there are %d pods, want %d: the control plane is not well", len(w.pods(ctx)), replicas)
	}
	return nil
}

// pods returns the pods that are ready and not about to go.
func (w *world) pods(ctx context.Context) []corev1.Pod {
	all, err := w.client.CoreV1().Pods(w.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil
	}
	var out []corev1.Pod
	for _, p := range all.Items {
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil {
				out = append(out, p)
			}
		}
	}
	return out
}

// await waits until ok returns true.
func await(ctx context.Context, limit time.Duration, ok func() bool) bool {
	for end := time.Now().Add(limit); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return ok()
}

// awaitPods waits until so many pods are ready, and no others exist. The controllers need up to
// 90 s to be right again after the API server was away.
func (w *world) awaitPods(ctx context.Context, n int) bool {
	return await(ctx, 2*time.Minute, func() bool {
		all, err := w.client.CoreV1().Pods(w.namespace).List(ctx, metav1.ListOptions{})
		return err == nil && len(all.Items) == n && len(w.pods(ctx)) == n
	})
}

// patch merges a change into the Deployment, or its scale.
func (w *world) patch(ctx context.Context, change string, below ...string) error {
	_, err := w.client.AppsV1().Deployments(w.namespace).Patch(ctx, "app", types.MergePatchType, []byte(change), metav1.PatchOptions{FieldManager: "scenario"}, below...)
	return err
}

// replicas returns how many pods there are to be.
func (w *world) replicas(ctx context.Context) int {
	d, err := w.client.AppsV1().Deployments(w.namespace).Get(ctx, "app", metav1.GetOptions{})
	if err != nil || d.Spec.Replicas == nil {
		return -1
	}
	return int(*d.Spec.Replicas)
}

// end stops all that the world has. Without a garbage collector a Deployment that is deleted
// leaves its ReplicaSets behind, so it is scaled to 0 first.
func (w *world) end(ctx context.Context) {
	for _, b := range w.balancers {
		b.kill()
	}
	_ = w.patch(ctx, `{"spec":{"replicas":0}}`, "scale")
	await(ctx, 20*time.Second, func() bool {
		_ = w.client.CoreV1().Pods(w.namespace).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: new(int64(0))}, metav1.ListOptions{})
		all, err := w.client.CoreV1().Pods(w.namespace).List(ctx, metav1.ListOptions{})
		return err == nil && len(all.Items) == 0
	})
	_ = w.client.AppsV1().Deployments(w.namespace).Delete(ctx, "app", metav1.DeleteOptions{})
}
