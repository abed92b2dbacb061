package examples_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/daemon"
)

// TestKubernetesApp: the app for a pod finishes its requests after SIGTERM, and ends then. What
// surrounds it is tested in test/install.
func TestKubernetesApp(t *testing.T) { // it sets PORT
	bun := apps(t)[0].argv[0]
	dir := filepath.Join("kubernetes", "app")
	a := start(t, []string{bun, "run", filepath.Join(dir, "app.ts")}, false)
	if res, body := a.do(t, "GET", "/", ""); res.StatusCode != 200 || !strings.HasPrefix(body, "hello from pod ") {
		t.Errorf("%d %q", res.StatusCode, body)
	}
	res, err := a.client.Get(a.url + "/slow?ms=1000")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	if line, err := in.ReadString('\n'); line != "working\n" {
		t.Fatalf("%q, %v", line, err)
	}
	a.terminate(t)
	if rest, err := io.ReadAll(in); string(rest) != "done\n" {
		t.Errorf("the request in flight got %q, %v", rest, err)
	}
	a.wait(t)
	file, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(file); !strings.Contains(text, "\nCOPY app.ts ./\n") || !strings.Contains(text, `ENTRYPOINT ["bun", "run", "app.ts"]`) {
		t.Errorf("the image does not run the app as process 1:\n%s", text)
	}
}

// manifest is what is read here of an object; test/install decodes all of it.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Replicas *int
		Template struct {
			Spec struct {
				Grace      int `yaml:"terminationGracePeriodSeconds"`
				Containers []struct {
					Ports []struct {
						Name string
						Port int `yaml:"containerPort"`
					}
					Ready     probe `yaml:"readinessProbe"`
					Live      probe `yaml:"livenessProbe"`
					Lifecycle struct {
						PreStop struct{ Sleep struct{ Seconds int } } `yaml:"preStop"`
					}
				}
			}
		}
	}
}

// probe is one of a container.
type probe struct {
	Get struct{ Path, Port string } `yaml:"httpGet"`
}

// manifests returns the objects of a file by their kinds.
func manifests(t *testing.T, path ...string) map[string]manifest {
	t.Helper()
	file, err := os.Open(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all := map[string]manifest{}
	for in := yaml.NewDecoder(file); ; {
		var m manifest
		err := in.Decode(&m)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all[m.Kind] = m
	}
}

// kubernetesConfig returns a config of dynlb in a pod.
func kubernetesConfig(t *testing.T, path ...string) config.Config {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse("config.yaml", []byte(strings.ReplaceAll(string(text), "/etc/dynlb-admin", adminSecret(t))), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestKubernetesBase: dynlb listens where the manifests say, answers their probes, and has the
// time to stop. The chart renders to the same, which test/install compares.
func TestKubernetesBase(t *testing.T) {
	t.Parallel()
	pod := manifests(t, "kubernetes", "base", "deployment.yaml")["Deployment"].Spec.Template.Spec
	added := manifests(t, "kubernetes", "monitoring", "deployment.yaml")["Deployment"].Spec.Template.Spec
	port := fmt.Sprintf(":%d", pod.Containers[0].Ports[0].Port)
	admin := fmt.Sprintf(":%d", added.Containers[0].Ports[0].Port)
	plain := kubernetesConfig(t, "kubernetes", "base", "config.yaml")
	monitored := kubernetesConfig(t, "..", "test", "install", "testdata", "monitoring", "config.yaml")
	for _, c := range []*config.Config{&plain, &monitored} {
		if c.Listen != port || !c.Status {
			t.Errorf("dynlb listens at %s, with status %t; the pod has port %s", c.Listen, c.Status, port)
		}
		if grace := time.Duration(pod.Grace) * time.Second; grace <= daemon.StopTime(c) {
			t.Errorf("terminationGracePeriodSeconds are %v; dynlb may take %v to stop", grace, daemon.StopTime(c))
		}
	}
	if monitored.AdminHTTP != admin {
		t.Errorf("dynlb has metrics at %s; the pod has port %s", monitored.AdminHTTP, admin)
	}
	for _, p := range []probe{pod.Containers[0].Ready, pod.Containers[0].Live} {
		if p.Get.Path != "/lb-status" || p.Get.Port != pod.Containers[0].Ports[0].Name {
			t.Errorf("probe %+v", p)
		}
	}
}

// TestKubernetesPod: a pod of the example app has the time to finish its requests, and dynlb
// finds it.
func TestKubernetesPod(t *testing.T) {
	t.Parallel()
	all := manifests(t, "kubernetes", "app", "app.yaml")
	c := kubernetesConfig(t, "kubernetes", "base", "config.yaml")
	d := all["Deployment"]
	if name := c.Kubernetes.Deployment; d.Metadata.Name != name || all["Service"].Metadata.Name != name || d.Spec.Replicas != nil {
		t.Errorf("Deployment %s with replicas %v and Service %s; dynlb scales %s", d.Metadata.Name, d.Spec.Replicas, all["Service"].Metadata.Name, name)
	}
	pod := d.Spec.Template.Spec
	pause := time.Duration(pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds) * time.Second
	if grace := time.Duration(pod.Grace) * time.Second; pause == 0 || grace <= pause+c.DrainTimeout {
		t.Errorf("terminationGracePeriodSeconds are %v, for a pause of %v and requests of %v", grace, pause, c.DrainTimeout)
	}
}
