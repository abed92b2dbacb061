package config

import (
	"errors"
	"strings"
	"testing"
)

func TestKubernetes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		yaml string
		want string // lines of problems
	}{
		{"fleet: {kubernetes: {deployment: web, service: web-pods, port: http, namespace: shop}}", ""},
		{"fleet: {kubernetes: {deployment: web, port: 8080}}\nbasePort: 65535", "2: basePort: does not apply to fleet.kubernetes: Kubernetes runs the instances; set it in the Deployment, or leave it out"},
		{"command: [x]\nfleet: {kubernetes: {deployment: web}}", "1: command: does not apply to fleet.kubernetes: Kubernetes runs the instances; set it in the Deployment, or leave it out"},
		{"fleet: {kubernetes: {}}", "1: fleet.kubernetes: needs deployment: the name of the Deployment whose pods get the requests"},
		{"fleet: {kubernetes: {service: web}}", "1: fleet.kubernetes: needs deployment: the name of the Deployment whose pods get the requests"},
		{"fleet: {kubernetes: {deployment: Web}}", `1: fleet.kubernetes.deployment: must be the name of a Deployment, such as web; got "Web"`},
		{"fleet: {kubernetes: {deployment: web, siblings: dynlb-siblings}}", "1: fleet.kubernetes.siblings: needs admin at an address that the other dynlbs reach, such as :4001; got 127.0.0.1:4001"},
		{"fleet: {docker: {}}", "1: fleet.docker: unknown key; the keys are kubernetes"},
		{"maxMemory: 1GiB\napps: {a: {hosts: [a.test], fleet: {kubernetes: {deployment: a}}}, b: {hosts: [b.test]}}", ""},
		{"apps:\n  a:\n    hosts: [a.test]\n    user: nobody\n    fleet: {kubernetes: {deployment: a}}", "4: apps.a.user: does not apply to fleet.kubernetes: Kubernetes runs the instances; set it in the Deployment, or leave it out"},
		{"maxInstances: 60000\nbasePort: 5000\napps: {a: {fleet: {kubernetes: {deployment: a}}}, b: {hosts: [b.test]}}", ""},
	} {
		_, err := Parse("config.yaml", []byte(c.yaml), t.TempDir(), nil)
		var lines []string
		if problems, ok := errors.AsType[*Error](err); ok {
			for _, p := range problems.Problems {
				lines = append(lines, strings.TrimPrefix(p.in("config.yaml"), "config.yaml:"))
			}
		}
		if got := strings.Join(lines, "\n"); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.yaml, got, c.want)
		}
	}
}

// TestFindImage: with fleet.kubernetes a version is an image.
func TestFindImage(t *testing.T) {
	t.Parallel()
	c, err := Parse("config.yaml", []byte("fleet: {kubernetes: {deployment: web}}"), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	digest := "@sha256:" + strings.Repeat("0a", 32)
	for name, good := range map[string]bool{
		"web": true, "web:v2": true, "library/web:v2": true, "registry.example.com/team/web:v2": true, "localhost:5000/web:1.2_3-x": true,
		"ghcr.io/team/web" + digest: true, "ghcr.io/team/web:v2" + digest: true,
		"": false, "web v2": false, "ghcr.io/Team/web": false, "web:": false, "/srv/web": false, "./v2": false, "web:v2:v3": false, "https://ghcr.io/web": false,
	} {
		label, path, err := c.FindVersion(name)
		if good != (err == nil) || path != "" || good && label != name {
			t.Errorf("%q: label %q, path %q, %v", name, label, path, err)
		}
	}
}
