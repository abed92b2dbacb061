package kube

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"gopkg.in/yaml.v3"
)

// role is what dynlb may do, as the API server judges it.
type role struct {
	rules []rule

	mu   sync.Mutex // guards all below
	used map[string]bool
	lack map[string]bool
}

// rule is one of a Role.
type rule struct {
	APIGroups     []string `yaml:"apiGroups"`
	Resources     []string `yaml:"resources"`
	ResourceNames []string `yaml:"resourceNames"`
	Verbs         []string `yaml:"verbs"`
}

// readRole returns the Role that users apply, about the Deployment app.
func readRole(t *testing.T) *role {
	t.Helper()
	text, err := os.ReadFile("../../../examples/kubernetes/base/rbac.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out := yaml.NewDecoder(strings.NewReader(strings.NewReplacer("[web]", "[app]", "dynlb-web", "dynlb-app").Replace(string(text))))
	for {
		var object struct {
			Kind  string
			Rules []rule
		}
		if err := out.Decode(&object); err != nil {
			t.Fatal(err)
		}
		if object.Kind == "Role" {
			return &role{rules: object.Rules, used: map[string]bool{}, lack: map[string]bool{}}
		}
	}
}

// without returns the role without a right, such as "get leases".
func (r *role) without(right string) *role {
	verb, resource, _ := strings.Cut(right, " ")
	out := &role{rules: slices.Clone(r.rules), used: map[string]bool{}, lack: map[string]bool{}}
	for i := range out.rules {
		if slices.Contains(out.rules[i].Resources, resource) {
			out.rules[i].Verbs = slices.DeleteFunc(slices.Clone(out.rules[i].Verbs), func(v string) bool { return v == verb })
		}
	}
	return out
}

// rights lists what the role allows, such as "get leases".
func (r *role) rights() []string {
	var all []string
	for i := range r.rules {
		for _, resource := range r.rules[i].Resources {
			for _, verb := range r.rules[i].Verbs {
				all = append(all, verb+" "+resource)
			}
		}
	}
	slices.Sort(all)
	return all
}

// seen lists which rights were used, and which were lacking.
func (r *role) seen() (used, lack []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.used)), slices.Sorted(maps.Keys(r.lack))
}

// allow judges a request, and answers one that is forbidden.
func (r *role) allow(w http.ResponseWriter, request *http.Request) bool {
	parts := strings.Split(strings.TrimPrefix(request.URL.Path, "/"), "/")
	group := ""
	if parts[0] == "apis" {
		group, parts = parts[1], parts[1:]
	}
	parts = append(parts[2:], "", "", "")[1:] // after api, v1 and namespaces
	namespace, resource, name, below := parts[0], parts[1], parts[2], parts[3]
	verb := map[string]string{http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch"}[request.Method]
	switch {
	case verb == "get" && name == "" && request.FormValue("watch") != "":
		verb = "watch"
	case verb == "get" && name == "":
		verb = "list"
	}
	if below != "" {
		resource += "/" + below
	}
	for i := range r.rules {
		named := len(r.rules[i].ResourceNames) == 0 || slices.Contains(r.rules[i].ResourceNames, name)
		if named && slices.Contains(r.rules[i].APIGroups, group) && slices.Contains(r.rules[i].Resources, resource) && slices.Contains(r.rules[i].Verbs, verb) {
			r.note(r.used, verb+" "+resource)
			return true
		}
	}
	r.note(r.lack, verb+" "+resource)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusForbidden)
	_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":%q}`,
		fmt.Sprintf("%s %q is forbidden: User %q cannot %s resource %q in API group %q in the namespace %q", resource, name, "dynlb", verb, resource, group, namespace))
	return false
}

func (r *role) note(in map[string]bool, right string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	in[right] = true
}
