package kube

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"
)

const kubeconfig = `apiVersion: v1
kind: Config
current-context: x
contexts: [{name: x, context: {cluster: x, user: x, namespace: web}}]
clusters: [{name: x, cluster: {server: "https://SERVER", certificate-authority: ca.pem, proxy-url: "http://PROXY"}}]
users: [{name: x, user: {token: TOKEN}}]
`

// TestSameCluster: a Cluster is another one if the kubeconfig at the same path has another
// server, other credentials, another proxy or another context, or the CA has changed.
func TestSameCluster(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	connect := func() *Cluster {
		t.Helper()
		c, err := Connect(Target{Kubeconfig: filepath.Join(dir, "config"), Deployment: "web"})
		if err != nil {
			t.Fatal(err)
		}
		return &c
	}
	reset := func() {
		write("config", kubeconfig)
		write("ca.pem", "a CA")
	}
	reset()
	first := connect()
	if !first.Same(connect()) {
		t.Error("what has not changed is another Cluster")
	}
	for name, change := range map[string]func(){
		"server":     func() { write("config", strings.Replace(kubeconfig, "SERVER", "another", 1)) },
		"token":      func() { write("config", strings.Replace(kubeconfig, "TOKEN", "another", 1)) },
		"proxy":      func() { write("config", strings.Replace(kubeconfig, "PROXY", "another", 1)) },
		"no proxy":   func() { write("config", strings.Replace(kubeconfig, `, proxy-url: "http://PROXY"`, "", 1)) },
		"namespace":  func() { write("config", strings.Replace(kubeconfig, "namespace: web", "namespace: api", 1)) },
		"CA at path": func() { write("ca.pem", "another CA") },
	} {
		change()
		if first.Same(connect()) {
			t.Errorf("%s: the same Cluster", name)
		}
		reset()
	}
}

// TestCredentialsChanged: a reload with a kubeconfig that has changed has the API server that
// it names now be asked, and the pods stay if they are the same.
func TestCredentialsChanged(t *testing.T) {
	t.Parallel()
	r := ready(t, 1)
	before := r.reg.Snapshot().Instances[0].ID
	var asked atomic.Int64
	second := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked.Add(1)
		r.cluster.ServeHTTP(w, q)
	}))
	t.Cleanup(func() {
		second.CloseClientConnections()
		second.Close()
	})
	s := r.cluster.settings("app")
	s.Cluster.config = &rest.Config{Host: second.URL}
	if err := r.configured(s); err != nil {
		t.Fatal(err)
	}
	if asked.Load() == 0 {
		t.Error("the API server that the kubeconfig names now was not asked")
	}
	if now := r.reg.Snapshot().Instances; len(now) != 1 || now[0].ID != before {
		t.Errorf("the instances are %+v, want %s", now, before)
	}
}
