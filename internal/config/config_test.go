package config

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// folderWithApp returns a folder with app.ts, the folders sub and releases, and the files of
// writeAuth.
func folderWithApp(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.ts"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "users"), []byte("ann:secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".env"), []byte("TOKEN=top-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "kubeconfig"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sub", "releases"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	writeAuth(t, dir)
	return dir
}

// authIn returns the value of allAuth in dir.
func authIn(dir string) Auth {
	return Auth{
		TokenFile: filepath.Join(dir, "token"),
		TLS: TLS{
			Cert:     filepath.Join(dir, "cert.pem"),
			Key:      filepath.Join(dir, "key.pem"),
			ClientCA: filepath.Join(dir, "ca.pem"),
		},
	}
}

// defaultIn returns the value of an empty config.yaml in dir.
func defaultIn(dir string) Config {
	c := Default()
	c.Path, c.WorkDir = "config.yaml", dir
	return c
}

// port returns an environment with only the variable PORT.
func port(value string) func(string) string {
	return func(name string) string {
		if name == "PORT" {
			return value
		}
		return ""
	}
}

// report returns the lines of err, which must be an *Error.
func report(t testing.TB, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); !ok {
		t.Fatalf("error is a %T, want *Error: %v", err, err)
	}
	return strings.Split(err.Error(), "\n")
}

// parseValues are texts, and what they change of the defaults. The file is in the
// folder WorkDir, for which DIR stands.
var parseValues = []struct {
	name, yaml string
	want       func(c *Config)
}{
	{"empty", "", func(*Config) {}},
	{"byte order mark", "\uFEFFbasePort: 6000\n", func(c *Config) { c.BasePort = 6000 }},
	{"carriage returns", "basePort: 6000\r\nmaxInstances: 9\r\n", func(c *Config) { c.BasePort, c.MaxInstances = 6000, 9 }},
	{"only comments", "# nothing\n\n# here\n", func(*Config) {}},
	{"empty document", "---\n", func(*Config) {}},
	{"empty mapping", "{}", func(*Config) {}},
	{"null keeps the default", "location:\nminInstances: null\nenv: ~\nqueue:\nworkDir:\n", func(*Config) {}},
	{"null in queue", "queue:\n  limit:\n  timeout: 1s\n", func(c *Config) { c.Queue.Timeout = time.Second }},
	{"null leaves no mark", "minInstances: 7\nmaxInstances:\n", func(c *Config) { c.MinInstances = 7 }},

	{"location", "location: app.ts", func(c *Config) { c.Location = filepath.Join(c.WorkDir, "app.ts") }},
	{"location cleaned", "location: ./sub/../app.ts", func(c *Config) { c.Location = filepath.Join(c.WorkDir, "app.ts") }},
	{"location absolute", "location: DIR/app.ts", func(c *Config) { c.Location = filepath.Join(c.WorkDir, "app.ts") }},
	{"workDir", "workDir: sub", func(c *Config) { c.WorkDir = filepath.Join(c.WorkDir, "sub") }},

	{"scale to zero", "minInstances: 0", func(c *Config) { c.MinInstances = 0 }},
	{"one instance", "minInstances: 1\nmaxInstances: 1", func(c *Config) { c.MinInstances, c.MaxInstances = 1, 1 }},
	{"last ports", "basePort: 65530\nmaxInstances: 6", func(c *Config) { c.BasePort, c.MaxInstances = 65530, 6 }},
	{"thresholds", "scaleUpThreshold: 1e1\nscaleDownThreshold: 0", func(c *Config) { c.ScaleUpThreshold, c.ScaleDownThreshold = 10, 0 }},

	{"milliseconds", "checkInterval: 250", func(c *Config) { c.CheckInterval = 250 * time.Millisecond }},
	{"duration", "checkInterval: 1m30s", func(c *Config) { c.CheckInterval = 90 * time.Second }},
	{"quoted duration", "healthTimeout: \"1.5s\"", func(c *Config) { c.HealthTimeout = 1500 * time.Millisecond }},
	{"no keep-alive", "keepAlive: 0", func(c *Config) { c.KeepAlive = 0 }},
	{"shortest", "requestTimeout: 1ms", func(c *Config) { c.RequestTimeout = time.Millisecond }},
	{"stateDir", "stateDir: /var/lib/dynlb", func(c *Config) { c.StateDir = "/var/lib/dynlb" }},
	{"history", "history: {maxSize: 1GiB, maxAge: 24h}", func(c *Config) { c.History = History{1 << 30, 24 * time.Hour} }},
	{"logs", "logs: {to: journald, maxSize: 1MiB, maxTotal: 0, maxAge: 1h}", func(c *Config) { c.Logs = Logs{"journald", 1 << 20, 0, time.Hour} }},
	{"stateDir off", "stateDir: off", func(c *Config) { c.StateDir = Off }},
	{"drainDelay", "drainDelay: 5s", func(c *Config) { c.DrainDelay = 5 * time.Second }},
	{"drainDelay in milliseconds", "drainDelay: 0", func(c *Config) { c.DrainDelay = 0 }},
	{"drainDelay auto", "drainDelay: auto", func(c *Config) { c.DrainDelay = Auto }},
	{"zero", "idleTimeout: 0\nstopTimeout: 0s\ndrainTimeout: \"0\"", func(c *Config) { c.IdleTimeout, c.StopTimeout, c.DrainTimeout = 0, 0, 0 }},
	{"a year", "idleTimeout: 8760h\nstartTimeout: 31536000000", func(c *Config) { c.IdleTimeout, c.StartTimeout = 8760*time.Hour, 8760*time.Hour }},

	{"command", "command: [node, app.js, 8080, true, 1.50, '']", func(c *Config) { c.Command = []string{"node", "app.js", "8080", "true", "1.50", ""} }},
	{"command with braces of others", `command: [sh, -c, 'f() { x; }; exec app $${HOST} {} --port={port}']`, func(c *Config) {
		c.Command = []string{"sh", "-c", "f() { x; }; exec app ${HOST} {} --port={port}"}
		c.Written = []string{"sh", "-c", "f() { x; }; exec app $${HOST} {} --port={port}"}
	}},
	{"command with a space in its name", "command: ['/opt/my app/run', '--port={port}']", func(c *Config) {
		c.Command = []string{"/opt/my app/run", "--port={port}"}
	}},
	{"command with location", "location: app.ts\ncommand: ['{location}']", func(c *Config) {
		c.Location, c.Command = filepath.Join(c.WorkDir, "app.ts"), []string{"{location}"}
	}},
	{"env", "env: {A: b, N: 010, EMPTY: '', FLAG: true, _x: 2026-01-02}", func(c *Config) {
		c.Env = map[string]string{"A": "b", "N": "010", "EMPTY": "", "FLAG": "true", "_x": "2026-01-02"}
	}},
	{"empty env", "env: {}", func(*Config) {}},

	{"host with digits", "listen: 1a.2:80", func(c *Config) { c.Listen = "1a.2:80" }},
	{"listeners", "listen: 0.0.0.0:80\nadmin: '[::1]:9000'\nadminHTTP: localhost:9001", func(c *Config) {
		c.Listen, c.Admin, c.AdminHTTP = "0.0.0.0:80", "[::1]:9000", "localhost:9001"
	}},
	{"ports of the kernel's choice", "listen: ':0'\nadmin: '[::1]:0'\nadminHTTP: '[::1]:00'", func(c *Config) {
		c.Listen, c.Admin, c.AdminHTTP = ":0", "[::1]:0", "[::1]:0"
	}},
	{"one port on two addresses", "admin: 127.0.0.1:9000\nadminHTTP: 127.0.0.2:9000", func(c *Config) {
		c.Admin, c.AdminHTTP = "127.0.0.1:9000", "127.0.0.2:9000"
	}},
	{"IPv4 beside IPv6", "listen: 0.0.0.0:9000\nadminHTTP: '[::1]:9000'", func(c *Config) {
		c.Listen, c.Admin, c.AdminHTTP, c.BasePort = "0.0.0.0:9000", "127.0.0.1:9001", "[::1]:9000", 10001
	}},
	{"a second dynlb", "listen: :4100", func(c *Config) {
		c.Listen, c.Admin, c.AdminHTTP, c.BasePort = ":4100", "127.0.0.1:4101", "127.0.0.1:4102", 5101
	}},
	{"ports that do not follow", "listen: :4100\nadmin: 127.0.0.1:4001\nadminHTTP: 127.0.0.1:4002\nbasePort: 5001", func(c *Config) { c.Listen = ":4100" }},
	{"a privileged port", "listen: :80", func(c *Config) { c.Listen = ":80" }},
	{"auth", allAuth, func(c *Config) { c.Auth = authIn(c.WorkDir) }},
	{"listeners for others", allAuth + "admin: ':9000'\nadminHTTP: box:9001", func(c *Config) {
		c.Auth, c.Admin, c.AdminHTTP = authIn(c.WorkDir), ":9000", "box:9001"
	}},
	{"token alone", "auth:\n  tokenFile: sub/../token", func(c *Config) { c.Auth.TokenFile = filepath.Join(c.WorkDir, "token") }},
	{"protocol", "protocol: h2c", func(c *Config) { c.Protocol = "h2c" }},
	{"health", "health: grpc\nprotocol: auto", func(c *Config) { c.Health, c.Protocol = "grpc", "auto" }},
	{"healthPath", "healthPath: /a/b%20c?deep=1", func(c *Config) { c.HealthPath = "/a/b%20c?deep=1" }},
	{"livenessPath", "livenessPath: /live", func(c *Config) { c.LivenessPath = "/live" }},
	{"automatic concurrency", "maxConcurrency: auto", func(c *Config) { c.MaxConcurrency = Auto }},
	{"no limit of concurrency", "maxConcurrency: 0", func(c *Config) { c.MaxConcurrency = 0 }},
	{"concurrency", "maxConcurrency: 1\nverifyPort: false", func(c *Config) { c.MaxConcurrency, c.VerifyPort = 1, false }},
	{"no queue", "queue: {limit: 0}", func(c *Config) { c.Queue.Limit = 0 }},
	{"proxies", "trustedProxies: [10.0.0.0/8, 192.0.2.1, '::1', 'fd00::/8']", func(c *Config) {
		for _, p := range []string{"10.0.0.0/8", "192.0.2.1/32", "::1/128", "fd00::/8"} {
			c.TrustedProxies = append(c.TrustedProxies, netip.MustParsePrefix(p))
		}
	}},
	{"sticky by cookie", "sticky: cookie", func(c *Config) { c.Sticky = Sticky{By: "cookie"} }},
	{"sticky by cookie, told", "sticky: {by: cookie, moved: X-Moved}", func(c *Config) { c.Sticky = Sticky{By: "cookie", Moved: "X-Moved"} }},
	{"sticky by field", "sticky: {header: X-Session}", func(c *Config) { c.Sticky = Sticky{By: "header", Header: "X-Session"} }},
	{"sticky by address", "sticky: address", func(c *Config) { c.Sticky = Sticky{By: "address"} }},
	{"proxies by name", "trustedProxies: [loopback, private]\nproxyProtocol: true", func(c *Config) {
		for _, p := range []string{"127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"} {
			c.TrustedProxies = append(c.TrustedProxies, netip.MustParsePrefix(p))
		}
		c.ProxyProtocol = true
	}},
	{"version", "version: 1.4\nreleases: sub\ncommand: [run, '{version}']", func(c *Config) {
		c.Version, c.Releases, c.Command = "1.4", filepath.Join(c.WorkDir, "sub"), []string{"run", "{version}"}
	}},
	{"user", "user: nobody", func(c *Config) { c.User = "nobody" }},
	{"user by number, and group", "user: '12345:root'", func(c *Config) { c.User = "12345:root" }},
	{"user that YAML reads as a number", "user: 0", func(c *Config) { c.User = "0" }},
	{"recycling", "maxRequests: 1000\nmaxAge: 24h\nmaxMemory: 512MiB", func(c *Config) {
		c.MaxRequests, c.MaxAge, c.MaxMemory = 1000, 24*time.Hour, 512<<20
	}},
	{"limits", "limits: {requestLine: 4kB, header: 1MiB, headerFields: 7, headerTimeout: 1s, bodyTimeout: 2s, minRate: 8, chunkLine: 64B, idleTimeout: 3s, connections: 9}", func(c *Config) {
		c.Limits = Limits{4000, 1 << 20, 64, 7, time.Second, 2 * time.Second, 3 * time.Second, 8, 9}
	}},
	{"access log", "accessLog: {to: sub/access.log, format: combined, query: true, maxSize: 2MiB, keep: 0}", func(c *Config) {
		c.AccessLog = AccessLog{filepath.Join(c.WorkDir, "sub", "access.log"), "combined", true, 2 << 20, 0}
	}},
	{"access log on stdout", "accessLog: {to: stdout}", func(c *Config) { c.AccessLog.To = "stdout" }},
	{"request id", "requestID: X-Request-Id\nserverTiming: true", func(c *Config) { c.RequestID, c.ServerTiming = "X-Request-Id", true }},
	{"guards", "allow: [private, loopback, 203.0.113.0/24]\ndeny: [10.9.0.0/16]\nbasicAuth: users\nrateLimit: {client: 600/m, app: 5/h, burst: 9}", func(c *Config) {
		for _, p := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "127.0.0.0/8", "::1/128", "203.0.113.0/24"} {
			c.Allow = append(c.Allow, netip.MustParsePrefix(p))
		}
		c.Deny, c.BasicAuth = []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}, filepath.Join(c.WorkDir, "users")
		c.RateLimit = RateLimit{Rate{600, time.Minute}, Rate{5, time.Hour}, 9}
	}},
	{"headers", "headers: {set: {X-A: '', X-N: 1}, remove: [Server]}\nsecurityHeaders: true", func(c *Config) {
		c.Headers, c.SecurityHeaders = Headers{map[string]string{"X-A": "", "X-N": "1"}, []string{"Server"}}, true
	}},
	{"maintenance", "maintenance: true", func(c *Config) { c.Maintenance = On }},
	{"maintenance page", "maintenance: app.ts", func(c *Config) { c.Maintenance = filepath.Join(c.WorkDir, "app.ts") }},
	{"error pages", "errorPages: {502: app.ts, default: users}", func(c *Config) {
		c.ErrorPages = map[int]string{502: filepath.Join(c.WorkDir, "app.ts"), DefaultPage: filepath.Join(c.WorkDir, "users")}
	}},
	{"compression", "compression: true", func(c *Config) { c.Compression = true }},
	{"no proxies", "trustedProxies: []", func(*Config) {}},

	{"aliases", "checkInterval: &t 3s\nhealthTimeout: *t\ncommand: [&w run, *w]\nenv: {A: *w}", func(c *Config) {
		c.CheckInterval, c.HealthTimeout = 3*time.Second, 3*time.Second
		c.Command, c.Env = []string{"run", "run"}, map[string]string{"A": "run"}
	}},
	{"explicit tags", "minInstances: !!int \"3\"\nhealthPath: !!str /x", func(c *Config) { c.MinInstances, c.HealthPath = 3, "/x" }},
}

// TestParseValues sets keys, and compares the result with the defaults.
func TestParseValues(t *testing.T) {
	t.Parallel()
	dir := folderWithApp(t)
	for _, test := range parseValues {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := defaultIn(dir)
			test.want(&want)
			got, err := Parse("config.yaml", []byte(strings.ReplaceAll(test.yaml, "DIR", dir)), dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}
