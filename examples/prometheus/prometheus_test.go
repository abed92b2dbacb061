// Package prometheus_test checks the dashboard and the alert rules: that their metrics
// exist and, where Prometheus is installed, that they have values of a real dynlb.
package prometheus_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait.
const patience = 2 * time.Minute

// TestNames checks that each metric in the dashboard and the alert rules is in
// docs/metrics.md.
func TestNames(t *testing.T) {
	t.Parallel()
	documented := string(read(t, "../../docs/metrics.md"))
	suffix := regexp.MustCompile(`_(bucket|sum|count)$`)
	for _, file := range []string{"dashboard.json", "alerts.yml"} {
		names := regexp.MustCompile(`\bdynlb_\w+`).FindAllString(string(read(t, file)), -1)
		if len(names) < 10 {
			t.Errorf("%s has only the metrics %q", file, names)
		}
		for _, name := range names {
			if !strings.Contains(documented, "\n| `"+suffix.ReplaceAllString(name, "")+"`") {
				t.Errorf("%s has %s, which is not in docs/metrics.md", file, name)
			}
		}
	}
}

// TestPromtool has promtool check the config and the rules, and the tests of the rules.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool := installed(t, "promtool")
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"test", "rules", "alerts_test.yml"}} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %q: %v\n%s", args, err, out)
		}
	}
}

// TestPrometheus has a real Prometheus scrape a real dynlb under load, and checks that
// each panel of the dashboard has values and each alert rule is evaluated.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	prometheus := installed(t, "prometheus")
	dir := t.TempDir()
	dynlb := filepath.Join(dir, "dynlb")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dynlb, "../../cmd/dynlb").CombinedOutput(); err != nil {
		t.Fatalf("build dynlb: %v\n%s", err, out)
	}
	public, admin, adminHTTP, web := freePort(t), freePort(t), freePort(t), freePort(t)
	config := fmt.Sprintf("listen: %s\nadmin: %s\nadminHTTP: %s\nminInstances: 1\nmaxInstances: 2\n", public, admin, adminHTTP)
	write(t, filepath.Join(dir, "config.yaml"), config)
	run(t, dir, dynlb, "serve", "--config", "config.yaml")
	awaitURL(t, "http://"+public+"/")

	rules, err := filepath.Abs("alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "prometheus.yml"), fmt.Sprintf(
		"global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [%s]\nscrape_configs:\n- job_name: dynlb\n  static_configs: [{targets: ['%s']}]\n", rules, adminHTTP))
	run(t, dir, prometheus, "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address="+web)
	awaitURL(t, "http://"+web+"/-/ready")

	queries := panels(t)
	for deadline := time.Now().Add(patience); len(queries) > 0; {
		_ = get(t, "http://"+public+"/") // load: a rate needs several values
		for title, query := range queries {
			if hasValues(t, web, query) {
				delete(queries, title)
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("panels without values: %q", queries)
		}
	}
	checkRules(t, web)
}

// checkRules checks that all alert rules are evaluated without an error.
func checkRules(t *testing.T, web string) {
	t.Helper()
	var rules struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	for deadline := time.Now().Add(patience); ; {
		decode(t, get(t, "http://"+web+"/api/v1/rules"), &rules)
		pending, n := 0, 0
		for _, group := range rules.Data.Groups {
			for _, rule := range group.Rules {
				n++
				if rule.Health == "unknown" {
					pending++
				} else if rule.Health != "ok" {
					t.Errorf("%s: %s", rule.Name, rule.LastError)
				}
			}
		}
		if pending == 0 && n > 0 || time.Now().After(deadline) {
			if n < 10 || pending > 0 {
				t.Errorf("%d rules, want all; %d are not evaluated", n, pending)
			}
			return
		}
	}
}

// panels returns the queries of the dashboard by panel.
func panels(t *testing.T) map[string]string {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	decode(t, read(t, "dashboard.json"), &dashboard)
	out := map[string]string{}
	for _, p := range dashboard.Panels {
		for i, target := range p.Targets {
			if strings.Contains(target.Expr, "dynlb_tls_") || strings.Contains(target.Expr, "dynlb_scale_events_total") {
				continue // this dynlb has no TLS, and may have decided nothing yet
			}
			out[fmt.Sprint(p.Title, " ", i)] = strings.NewReplacer("$__rate_interval", "5s", "$dynlb", ".+", "$app", ".+").Replace(target.Expr)
		}
	}
	return out
}

// hasValues reports whether a query has a value.
func hasValues(t *testing.T, web, query string) bool {
	t.Helper()
	var answer struct {
		Status, Error string
		Data          struct{ Result []any }
	}
	decode(t, get(t, "http://"+web+"/api/v1/query?query="+url.QueryEscape(query)), &answer)
	if answer.Status != "success" {
		t.Fatalf("%s: %s", query, answer.Error)
	}
	return len(answer.Data.Result) > 0
}

// installed returns the path of a program, or skips the test.
func installed(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed: see make prometheus", program)
	}
	return path
}

// run starts a program, and ends it with the test.
func run(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	var output bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("output of %s:\n%s", program, output.String())
		}
	})
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// awaitURL waits until a URL answers 200.
func awaitURL(t *testing.T, url string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		res, err := http.Get(url)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no answer of %s: %v", url, err)
		}
	}
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
