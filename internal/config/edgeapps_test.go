package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEdgeOfApps: an app has the rules beside apps, apart from those that it has itself,
// and can turn each of them off.
func TestEdgeOfApps(t *testing.T) {
	t.Parallel()
	dir := folderWithApp(t)
	writeFile(t, dir, "users", "ann:secret\n", 0o600)
	got, err := Parse("config.yaml", []byte(`
accessLog: {to: access.log, keep: 3}
requestID: X-Request-Id
allow: [private]
basicAuth: users
rateLimit: {client: 20/s, app: 5/m}
headers: {set: {X-A: b}, remove: [Server]}
errorPages: {502: users}
tls: {cert: cert.pem, key: key.pem, hsts: 1h}
apps:
  same: {hosts: [a]}
  own:
    hosts: [b]
    accessLog: {query: true, format: combined}
    serverTiming: true
    deny: [loopback]
    rateLimit: {client: 1/s}
    headers: {set: {X-B: c}}
    maintenance: true
    compression: true
    hsts: 2h
  none:
    hosts: [c]
    accessLog: {to: ""}
    requestID: ""
    allow: []
    basicAuth: ""
    rateLimit: {client: "", app: ""}
    headers: {set: {}, remove: []}
    errorPages: {}
    hsts: 0
`), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	same, own, none := &got.Apps[0], &got.Apps[1], &got.Apps[2]
	if same.AccessLog.To != filepath.Join(dir, "access.log") || same.RequestID != "X-Request-Id" || len(same.Allow) != 4 || same.BasicAuth == "" || same.RateLimit.Client.Requests != 20 || same.Headers.Set["X-A"] != "b" || len(same.ErrorPages) != 1 || same.HSTS != time.Hour {
		t.Errorf("an app without rules of its own has %+v", same.Edge)
	}
	if own.AccessLog != (AccessLog{To: same.AccessLog.To, Format: "combined", Query: true, MaxSize: same.AccessLog.MaxSize, Keep: 3}) || len(own.Deny) != 2 || !own.ServerTiming ||
		own.RateLimit != (RateLimit{Client: Rate{1, time.Second}, App: Rate{5, time.Minute}}) || own.Headers.Set["X-B"] != "c" || len(own.Headers.Set) != 1 || own.Headers.Remove[0] != "Server" ||
		own.Maintenance != On || !own.Compression || own.HSTS != 2*time.Hour || own.RequestID != "X-Request-Id" {
		t.Errorf("an app with rules of its own has %+v", own.Edge)
	}
	if none.AccessLog.To != "" || none.RequestID != "" || len(none.Allow) > 0 || none.BasicAuth != "" || none.RateLimit != (RateLimit{}) || none.Headers.Set != nil || len(none.Headers.Remove) > 0 || none.ErrorPages != nil || none.HSTS != 0 {
		t.Errorf("an app that turns them off has %+v", none.Edge)
	}
	if got.Headers.Set["X-A"] != "b" || got.ErrorPages == nil {
		t.Errorf("beside apps there is %+v", got.Edge)
	}
}

// TestAccessLogsInOneFile: logs in the same file are rotated in the same way.
func TestAccessLogsInOneFile(t *testing.T) {
	t.Parallel()
	dir := folderWithApp(t)
	for text, want := range map[string][]string{
		"accessLog: {to: a.log}\napps:\n  web: {hosts: [a], accessLog: {keep: 3}}": {"config.yaml:3: apps.web.accessLog.keep: must be the same for all apps that log to " + filepath.Join(dir, "a.log")},
		"apps:\n  api: {hosts: [b], accessLog: {to: a.log}}\n  web: {hosts: [a], accessLog: {to: a.log, maxSize: 1MiB}}": {
			"config.yaml:3: apps.web.accessLog.maxSize: must be the same for all apps that log to " + filepath.Join(dir, "a.log"),
		},
		// The size that was meant is not known.
		"accessLog: {to: a.log, maxSize: big}\napps:\n  web: {hosts: [a], accessLog: {maxSize: 2MiB}}": {
			"config.yaml:1: accessLog.maxSize: must be a number of bytes, such as 8192, or a size, such as 8KiB; got \"big\"",
		},
		// Reported is the key that differs, which may be that of the first app.
		"apps:\n  api: {hosts: [b], accessLog: {to: a.log, keep: 3}}\n  web: {hosts: [a], accessLog: {to: a.log}}": {
			"config.yaml:2: apps.api.accessLog.keep: must be the same for all apps that log to " + filepath.Join(dir, "a.log"),
		},
		"accessLog: {to: a.log}\napps:\n  web: {hosts: [a], accessLog: {maxSize: 1MiB,\n    keep: 10}}": {
			"config.yaml:3: apps.web.accessLog.maxSize: must be the same for all apps that log to " + filepath.Join(dir, "a.log"),
		},
		"accessLog: {to: a.log}\napps:\n  web: {hosts: [a], accessLog: {to: b.log, keep: 3}}":         nil,
		"accessLog: {to: stdout}\napps:\n  web: {hosts: [a], accessLog: {keep: 3, format: combined}}": nil,
	} {
		_, err := Parse("config.yaml", []byte(text), dir, nil)
		if err == nil && want == nil {
			continue
		}
		if got := report(t, err); !slices.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", text, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// TestEdgeFiles: files that the rules cannot use are reported at the line of their key.
func TestEdgeFiles(t *testing.T) {
	t.Parallel()
	dir := folderWithApp(t)
	writeFile(t, dir, "users", "ann:secret\nbob:$apr1$secret\n", 0o600)
	writeFile(t, dir, "empty", "", 0o600)
	writeFile(t, dir, "open", "ann:secret\n", 0o644)
	for text, want := range map[string]string{
		"\naccessLog: {to: gone/access.log}":    "2: accessLog.to: must be in a folder that exists; DIR/gone: no such file or directory",
		"accessLog: {to: app.ts/access.log}":    "1: accessLog.to: must be in a folder; DIR/app.ts is not one",
		"accessLog: {to: .}":                    "1: accessLog.to: must be a file; DIR is a folder",
		"accessLog: {to: /dev/null}":            "1: accessLog.to: must be a regular file; /dev/null is not one",
		"\nbasicAuth: users":                    `2: basicAuth: DIR/users: line 2: the password of "bob" has a hash other than that of bcrypt; make one with htpasswd -B`,
		"basicAuth: empty":                      "1: basicAuth: DIR/empty: there is no line name:password",
		"basicAuth: open":                       "1: basicAuth: DIR/open is accessible to all users (mode 0644); run chmod 600 on it",
		"apps:\n  web:\n    basicAuth: ./empty": "3: apps.web.basicAuth: DIR/empty: there is no line name:password",
	} {
		_, err := Parse("config.yaml", []byte(text), dir, nil)
		want := []string{"config.yaml:" + strings.ReplaceAll(want, "DIR", dir)}
		if got := report(t, err); !slices.Equal(got, want) {
			t.Errorf("%s: got\n%v\nwant\n%v", text, err, want)
		}
	}
}
