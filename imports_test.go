// Package dynlb_test holds the tests of the repository as a whole.
package dynlb_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/dynlb/dynlb/"

// table says what each package may import besides the standard library: packages
// of this module by their folder, others by the start of their path. It is the
// map of the design, and what keeps a second kind of fleet from touching more
// than its own folder.
var table = map[string][]string{
	"internal/measure":  {},
	"internal/registry": {"internal/measure", "github.com/google/uuid"},
	"internal/process": {
		"internal/process/account", "internal/process/cgroup", "internal/process/explain", "internal/process/orphan", "internal/process/procfs",
		"internal/process/reap",
	},
	"internal/keeper": {
		"internal/prelude", "internal/process", "internal/process/cgroup", "internal/process/orphan", "internal/process/reap", "internal/systemd", "golang.org/x/sys",
	},
	"internal/process/account":         {},
	"internal/process/cgroup":          {"internal/process/procfs", "golang.org/x/sys"},
	"internal/process/explain":         {"internal/process/account"},
	"internal/process/orphan":          {"internal/prelude", "internal/process/cgroup", "internal/process/procfs", "internal/process/reap"},
	"internal/process/procfs":          {},
	"internal/process/reap":            {"internal/process/procfs"},
	"internal/process/processtest":     {},
	"internal/certificates":            {"internal/pattern", "internal/state", "github.com/caddyserver/certmagic", "github.com/mholt/acmez/v3", "go.uber.org/zap"},
	"internal/certificates/pebbletest": {"golang.org/x/net"},
	"internal/schedule":                {},
	"internal/recipe":                  {"internal/pattern"},
	"internal/dotenv":                  {},
	"internal/pattern":                 {},
	"internal/prelude":                 {},
	"internal/firstrun":                {"internal/process", "internal/process/orphan"},
	"internal/htpasswd":                {"golang.org/x/crypto"},
	"internal/state":                   {"golang.org/x/sys"},
	"internal/runs":                    {"internal/process/procfs", "internal/state"},
	"internal/history/segment":         {"internal/state"},
	"internal/instancelog":             {"internal/state"},
	"internal/history":                 {"gen/dynlb/v1", "internal/history/segment", "internal/measure", "internal/notice", "internal/registry", "proxy/outcome", "google.golang.org"},
	"internal/machine":                 {},
	"internal/systemd":                 {"golang.org/x/sys"},
	"internal/config":                  {"internal/schedule", "gopkg.in/yaml.v3", "internal/htpasswd", "internal/dotenv", "internal/pattern"},
	"internal/config/keysgen":          {"internal/config", "gopkg.in/yaml.v3"},
	"internal/notice":                  {"internal/registry"},
	"internal/deploy":                  {"internal/fleet", "internal/notice", "internal/registry"},
	"internal/fleet":                   {"internal/notice", "internal/registry"},
	"internal/fleet/probe":             {"internal/registry"},
	"internal/fleet/fleettest":         {"internal/fleet", "internal/notice", "internal/registry"},
	"internal/fleet/local": {
		"internal/fleet", "internal/fleet/probe", "internal/notice", "internal/registry", "internal/process", "internal/process/account", "internal/process/orphan",
		"internal/process/procfs", "internal/pattern",
	},
	"internal/autoscaler":  {"internal/machine", "internal/notice", "internal/registry", "internal/schedule"},
	"internal/simulate":    {"internal/autoscaler", "internal/notice", "internal/registry", "golang.org/x/image"},
	"internal/dashboard":   {},
	"internal/top/topshot": {"github.com/charmbracelet/x/ansi"},
	"internal/terminal":    {"gen/dynlb/v1"},
	"internal/top":         {"gen/dynlb/v1", "internal/terminal", "charm.land/bubbletea/v2", "charm.land/lipgloss/v2", "github.com/charmbracelet/x/ansi"},
	"internal/demo":        {"github.com/coder/websocket"},
	"proxy":                {"internal/registry", "proxy/fast", "proxy/handshake", "proxy/http3", "proxy/settings", "proxy/outcome", "proxy/policy", "proxy/route", "proxy/std"},
	"proxy/proxyproto":     {},
	"proxy/sticky":         {"internal/registry", "proxy/http1", "github.com/cespare/xxhash/v2"},
	"proxy/deadline":       {},
	"proxy/lent":           {"proxy/deadline"},
	"proxy/h2c":            {"internal/registry", "proxy/deadline", "proxy/forward", "proxy/http1", "proxy/http2", "proxy/policy"},
	"internal/sibling":     {"gen/dynlb/v1", "internal/registry", "google.golang.org"},
	"internal/fleet/kube": {
		"internal/fleet", "internal/fleet/probe", "internal/notice", "internal/registry", "internal/sibling", "github.com/google/uuid", "k8s.io/apimachinery", "k8s.io/client-go", "k8s.io/klog/v2",
	},
	"proxy/fast": {
		"internal/registry", "proxy/edge", "proxy/eventloop", "proxy/forward", "proxy/handshake", "proxy/http1", "proxy/http2", "proxy/lent", "proxy/settings",
		"proxy/outcome", "proxy/policy", "proxy/route", "proxy/proxyproto", "proxy/sticky",
	},
	"proxy/std": {
		"internal/registry", "proxy/edge", "proxy/forward", "proxy/h2c", "proxy/handshake", "proxy/http1", "proxy/http2", "proxy/lent", "proxy/settings", "proxy/outcome",
		"proxy/policy", "proxy/route", "golang.org/x/sys", "proxy/proxyproto", "proxy/sticky", "proxy/std/extended",
	},
	"proxy/std/extended": {"internal/prelude"},
	"proxy/http3":        {"proxy/handshake", "proxy/settings", "proxy/std", "github.com/quic-go/quic-go"},
	"proxy/policy":       {"internal/registry", "proxy/http1", "proxy/outcome"},
	"proxy/settings":     {"proxy/http1", "proxy/policy"},
	"proxy/eventloop":    {"golang.org/x/sys"},
	"proxy/forward":      {"proxy/http1"},
	"proxy/handshake":    {},
	"proxy/http1":        {},
	"proxy/http2":        {"proxy/http1", "golang.org/x/net"},
	"proxy/proxytest":    {"proxy/policy"},
	"proxy/outcome":      {},
	"proxy/edge": {
		"internal/htpasswd", "proxy/http1", "proxy/outcome", "proxy/policy", "proxy/settings", "github.com/andybalholm/brotli", "github.com/klauspost/compress",
		"golang.org/x/crypto",
	},
	"proxy/route": {"internal/registry", "proxy/edge", "proxy/policy", "proxy/sticky", "internal/measure"},
	"server": {
		"gen", "gen/dynlb/v1", "internal/deploy", "internal/fleet", "internal/history", "internal/instancelog", "internal/notice", "internal/registry", "internal/sibling",
		"github.com/grpc-ecosystem/grpc-gateway/v2", "github.com/prometheus", "google.golang.org", "internal/dashboard", "internal/measure",
	},
	"server/metricsgen":  {"server"},
	"internal/app":       {"internal/autoscaler", "internal/fleet", "internal/notice", "internal/registry", "proxy/route", "internal/deploy"},
	"server/openapigen":  {},
	"internal/tracing":   {"proxy/outcome", "go.opentelemetry.io/otel"},
	"internal/accesslog": {"internal/logging", "proxy/outcome", "github.com/DeRuina/timberjack"},
	"internal/logging":   {"github.com/lmittmann/tint", "golang.org/x/term"},
	// These two wire all the others: they may import much, and only cmd/dynlb and
	// the command line import them.
	"internal/daemon": {
		"internal/accesslog", "internal/app", "internal/autoscaler", "internal/certificates", "internal/config", "internal/fleet", "internal/fleet/local", "internal/fleet/kube", "internal/fleet/probe",
		"internal/keeper", "internal/logging", "internal/machine", "internal/notice", "internal/process", "internal/process/account", "internal/process/cgroup", "internal/process/orphan",
		"internal/process/procfs", "internal/process/reap", "internal/registry", "internal/sibling", "internal/systemd", "internal/tracing", "proxy", "proxy/edge", "proxy/http1",
		"proxy/outcome", "proxy/policy", "proxy/sticky", "internal/measure", "internal/state", "internal/deploy", "proxy/route", "server", "github.com/fsnotify/fsnotify", "golang.org/x/net",
		"golang.org/x/sys", "internal/history", "internal/instancelog", "internal/runs",
	},
	"internal/cli": {
		"gen/dynlb/v1", "internal/config", "internal/daemon", "internal/demo", "internal/keeper", "internal/logging", "internal/process/orphan", "internal/process/procfs",
		"internal/schedule", "internal/deploy", "internal/recipe", "internal/firstrun", "internal/simulate", "internal/systemd", "proxy", "server", "github.com/spf13/cobra", "golang.org/x/term", "internal/runs", "internal/terminal", "internal/top", "internal/pattern", "charm.land/bubbletea/v2",
		"google.golang.org", "github.com/spf13/pflag",
	},
	"internal/daemon/daemontest": {"gen/dynlb/v1", "internal/config", "internal/daemon", "internal/runs", "proxy", "go.uber.org/goleak", "google.golang.org"},
	"cmd/dynlb":                  {"internal/cli", "google.golang.org/grpc"},
	"gen":                        {},
	"gen/dynlb/v1":               {"github.com/grpc-ecosystem/grpc-gateway/v2", "google.golang.org"},
}

// anything are the packages that may import what they like.
var anything = []string{"bench", "examples/", "packaging", "servers", "soak"}

// programs are the packages that no other imports.
var programs = append([]string{"cmd/"}, anything...)

type goPackage struct {
	ImportPath string
	Imports    []string
}

// TestImportTable holds every package to the table, and the table to the packages: a
// permission that is not used is an error.
func TestImportTable(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		folder := strings.TrimPrefix(p.ImportPath, module)
		for _, path := range p.Imports {
			if to, ours := strings.CutPrefix(path, module); ours && among(programs, to) {
				t.Errorf("%s imports %s, which is a program", folder, to)
			}
		}
		if among(anything, folder) || len(p.Imports) == 0 {
			continue
		}
		seen[folder] = true
		allowed, ok := table[folder]
		if !ok {
			t.Errorf("%s is not in the table", folder)
			continue
		}
		for _, path := range p.Imports {
			if !standard(path) && !permits(allowed, path) {
				t.Errorf("%s may not import %s", folder, strings.TrimPrefix(path, module))
			}
		}
		for _, permission := range allowed {
			if !slices.ContainsFunc(p.Imports, func(path string) bool { return permits([]string{permission}, path) }) {
				t.Errorf("%s may import %s, and does not", folder, permission)
			}
		}
	}
	for folder := range table {
		if !seen[folder] {
			t.Errorf("%s is in the table, and does not exist", folder)
		}
	}
}

// packages lists the module's own, without tests.
func packages(t *testing.T) []goPackage {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func among(prefixes []string, folder string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(folder, prefix) })
}

// standard reports whether path is of the standard library: its first element
// has no dot.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

func permits(allowed []string, path string) bool {
	if folder, ours := strings.CutPrefix(path, module); ours {
		return slices.Contains(allowed, folder)
	}
	return slices.ContainsFunc(allowed, func(prefix string) bool {
		return path == prefix || strings.HasPrefix(path, prefix+"/")
	})
}
