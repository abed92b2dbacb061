package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/dynlb/dynlb/internal/config"
)

// TestKubeconfigChanged: a reload finds that the kubeconfig at the same path has another
// content, and tries what it says.
func TestKubeconfigChanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	planned := func(token string) plan {
		t.Helper()
		text := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{name: x, context: {cluster: x, user: x}}]\n"+
			"clusters: [{name: x, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: x, user: {token: %s}}]\n", token)
		if err := os.WriteFile(filepath.Join(dir, "kubeconfig"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Parse("config.yaml", []byte("fleet: {kubernetes: {deployment: web, kubeconfig: kubeconfig}}\n"), dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := newPlan(c, host{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	d := &Daemon{plan: planned("one")}
	for token, want := range map[string]int{"one": 0, "two": 1} {
		next := planned(token)
		if got := d.changed(&next); len(got) != want {
			t.Errorf("with the token %s: %q have changed, want %d", token, got, want)
		}
	}
}
