package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// originalKeys are those of the first version of the file, in its order.
var originalKeys = []string{
	"location", "minInstances", "maxInstances", "checkInterval", "healthTimeout",
	"scaleUpThreshold", "scaleDownThreshold", "idleTimeout",
}

func readRoot(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// keysIn returns the keys of a mapping, in order.
func keysIn(t *testing.T, data []byte) []string {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for i := 0; i < len(document.Content[0].Content); i += 2 {
		keys = append(keys, document.Content[0].Content[i].Value)
	}
	return keys
}

func tableNames(table []Key) []string {
	return strings.Split(names(table), ", ")
}

// TestRootFile parses config.yaml, which must equal the defaults: as it is, and
// with its commented-out settings ("#key: value", as opposed to "# text").
func TestRootFile(t *testing.T) {
	t.Parallel()
	data := readRoot(t, "config.yaml")
	if first, _, _ := strings.Cut(string(data), "\n"); first != "# yaml-language-server: $schema=./config.schema.json" {
		t.Errorf("the first line is %q", first)
	}
	dir := folderWithApp(t)

	got, err := Parse("config.yaml", data, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := defaultIn(dir); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if active := keysIn(t, data); !slices.Equal(active, originalKeys[1:]) {
		t.Errorf("the keys that are set are %v, want %v", active, originalKeys[1:])
	}

	full := regexp.MustCompile(`(?m)^#(\S)`).ReplaceAll(data, []byte("$1"))
	if all, want := keysIn(t, full), tableNames(keysOf(&Config{})); !slices.Equal(all, want) {
		t.Errorf("the keys are %v, want %v", all, want)
	}
	full = regexp.MustCompile(`(?m)^fleet: .*`).ReplaceAll(full, nil) // the keys about processes contradict it
	got, err = Parse("config.yaml", full, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := defaultIn(dir)
	want.Location, want.Command, want.Auth = filepath.Join(dir, "app.ts"), defaultCommand(), authIn(dir)
	want.User, want.LivenessPath, want.Sticky = "nobody", "/live", Sticky{By: "cookie"}
	want.Edge = edgeIn(dir)
	want.StateDir = "/var/lib/dynlb"
	want.EnvFile, want.FileEnv = filepath.Join(dir, ".env"), map[string]string{"TOKEN": "top-secret"}
	want.Tracing.Endpoint = "http://localhost:4318"
	want.Version, want.Releases = "1.4.0", filepath.Join(dir, "releases")
	web, api := want.App, want.App
	web.Name, web.Hosts = "web", []string{"a.example.com"}
	api.Name, api.Hosts, api.Paths, api.Strip = "api", web.Hosts, []string{"/api"}, true
	want.Apps = []App{web, api}
	want.TLS = PublicTLS{ // the examples
		Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"),
		Email: "admin@example.com", Domains: []string{"app.example.com"},
		CA: "https://acme-v02.api.letsencrypt.org/directory", CARoot: filepath.Join(dir, "ca.pem"),
		Storage: "/var/lib/dynlb", Redirect: ":80", HTTP2: true,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("with all settings\ngot  %+v\nwant %+v", got, want)
	}
}

// schema is the part of config.schema.json that the tests check.
type schema struct {
	Description          string
	Type                 any
	Default              json.RawMessage
	Minimum              *int
	Maximum              *int
	Pattern              string
	AdditionalProperties any
	Properties           map[string]schema
}

func readSchema(t *testing.T) schema {
	t.Helper()
	var root schema
	if err := json.Unmarshal(readRoot(t, "config.schema.json"), &root); err != nil {
		t.Fatal(err)
	}
	return root
}

// TestSchemaKeys compares the keys of the schema with the table, in order.
func TestSchemaKeys(t *testing.T) {
	t.Parallel()
	var ordered struct{ Properties yaml.Node }
	if err := yaml.Unmarshal(readRoot(t, "config.schema.json"), &ordered); err != nil {
		t.Fatal(err)
	}
	var inOrder []string
	for i := 0; i < len(ordered.Properties.Content); i += 2 {
		inOrder = append(inOrder, ordered.Properties.Content[i].Value)
	}
	if want := tableNames(keysOf(&Config{})); !slices.Equal(inOrder, want) {
		t.Errorf("the keys are %v, want %v", inOrder, want)
	}

	var check func(prefix string, s schema, table []Key)
	check = func(prefix string, s schema, table []Key) {
		if s.AdditionalProperties != false {
			t.Errorf("%q takes unknown keys", prefix)
		}
		if len(s.Properties) != len(table) {
			t.Errorf("%q has %d keys, want %s", prefix, len(s.Properties), names(table))
		}
		for _, k := range table {
			property, ok := s.Properties[k.Name]
			if !ok || property.Description == "" {
				t.Errorf("%s%s is missing or has no description", prefix, k.Name)
			}
			if k.Keys != nil {
				check(k.Name+".", property, k.Keys)
			}
		}
	}
	check("", readSchema(t), keysOf(&Config{}))
}

// TestSchemaValues parses the defaults and the bounds of the schema: a default
// changes nothing, and a bound is the last value that is accepted.
func TestSchemaValues(t *testing.T) {
	t.Parallel()
	root := readSchema(t)
	dir := folderWithApp(t)
	var check func(before string, s schema, after string)
	check = func(before string, s schema, after string) {
		for name, property := range s.Properties {
			here, end := before+name+": ", after
			if len(property.Properties) > 0 {
				check(here+"{", property, "}"+end)
			}
			if !slices.Contains(noDefault, name) && !strings.Contains(here, "auth: ") && !strings.Contains(here, "tls: ") && !strings.Contains(here, "fleet: ") {
				checkDefault(t, dir, here, property, end)
			}
			checkBounds(t, dir, here, property, end)
		}
	}
	check("{location: app.ts, ", schema{Properties: root.Properties}, "}")
}

// noDefault are the keys without a default, and the mappings of such keys.
var noDefault = append([]string{"location", "user", "livenessPath", "apps", "sticky", "stateDir", "version", "releases", "envFile", "tracing", "endpoint"}, edgeNoDefault...)

func checkDefault(t *testing.T, dir, before string, s schema, after string) {
	t.Helper()
	got, err := Parse("config.yaml", []byte(before+string(s.Default)+after), dir, nil)
	if err != nil {
		t.Errorf("the default of %s: %v", before, err)
		return
	}
	want := defaultIn(dir)
	want.Location = got.Location
	if got.Command != nil {
		want.Command = defaultCommand()
	}
	if s.Default == nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the default of %s is %s", before, s.Default)
	}
}

func checkBounds(t *testing.T, dir, before string, s schema, after string) {
	t.Helper()
	check := func(n int, want bool) {
		t.Helper()
		value, _ := json.Marshal(n)
		_, err := Parse("config.yaml", []byte(before+string(value)+after), dir, nil)
		// A schema cannot know of a conflict with another key.
		refused := err != nil && regexp.MustCompile(`must be (a|at least 1ms|0 or more|at most 8760h)\b`).MatchString(err.Error())
		if refused == want {
			t.Errorf("%s%d in the bounds = %v, but %v", before, n, want, err)
		}
	}
	if s.Minimum != nil {
		check(*s.Minimum, true)
		check(*s.Minimum-1, false)
	}
	if s.Maximum != nil {
		check(*s.Maximum, true)
		check(*s.Maximum+1, false)
	}
}

// TestSchemaPatterns compares the patterns of the schema with what Parse accepts.
func TestSchemaPatterns(t *testing.T) {
	t.Parallel()
	root := readSchema(t)
	tests := map[string][]string{
		"idleTimeout":   {"5s", "1h30m", "1.5s", ".5s", "5.s", "+5s", "2us", "2µs", "0", "00", "-1s", "5", "5 s", "", "s", "1d", "5sec", "1e3s"},
		"checkInterval": {"5s", "1h30m", "1.5s", ".5s", "5.s", "+5s", "2ms", "0", "-1s", "5", "5 s", "", "s", "1d", "5sec", "1e3s"},
		"listen":        {":4000", "127.0.0.1:1", "[::1]:80", "box-1.local:80", "::1:80", "4000", ":http", "", ":", "http://x:80"},
		"healthPath":    {"/health", "/", "health", ""},
		"maxMemory":     {"1MiB", "512MiB", "2GiB", "1024KiB", "3TB", "0MB", "512M", "512Mi", "1.5GiB", "-1MiB", "1 MiB", "MiB", "5", ""},
	}
	for name, values := range tests {
		pattern := regexp.MustCompile(root.Properties[name].Pattern)
		for _, value := range values {
			_, err := Parse("config.yaml", []byte(name+": '"+value+"'"), t.TempDir(), nil)
			if match := pattern.MatchString(value); match != (err == nil) {
				t.Errorf("%s: %q matches %v = %v, but %v", name, value, pattern, match, err)
			}
		}
	}
}
