package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// FuzzParse checks what is true of any text: Parse does not panic, it returns the
// same twice, its problems are complete and in order, and a Config that it returns
// is within the documented bounds.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "---\n---\n", "location: app.ts\n",
		"minInstances: 0\nmaxInstances: 3\ncheckInterval: 5s\nqueue: {limit: 1, timeout: 10}\n",
		"scaleUpThreshold: .inf\nscaleDownThreshold: 1e-3\nlisten: :1\nadmin: '[::]:2'\n",
		"command: [a, &x '{port}', *x, {port}]\nenv: {A: 1, B: *x}\n<<: {a: b}\n",
		"trustedProxies: [10.0.0.0/8, '::1']\nverifyPort: false\nhealthPath: /x\nworkDir: sub\n",
		"schedule: [{cron: 0 8 * * 1-5, minInstances: 6, timezone: Europe/Berlin}, {cron: '*/5 * * * *', maxInstances: 3}]\n",
		allAuth + "admin: :1\nadminHTTP: box:2\n", "admin: '[::]:1'\nauth: {tokenFile: sub, tls: {cert: token, key: key.pem}}\n",
		"tls: internal\n", "tls: {domains: [a.example.com], email: a@b.c, redirect: ''}\n", "tls: {certificates: [{cert: cert.pem, key: key.pem}], ca: 'https://x/y'}\n",
		"? [a]\n: !!int b\nminIntances: 1\nminIntances: 1\n", "a: &a [*a]\n", "\t\n- \x00\xff",
	} {
		f.Add([]byte(seed), "")
		f.Add([]byte(seed), "8080")
	}
	dir := folderWithApp(f)
	f.Fuzz(func(t *testing.T, data []byte, envPort string) {
		c, err := Parse("config.yaml", data, dir, port(envPort))
		again, errAgain := Parse("config.yaml", data, dir, port(envPort))
		if !reflect.DeepEqual(c, again) || fmt.Sprint(err) != fmt.Sprint(errAgain) {
			t.Fatalf("first  %+v, %v\nsecond %+v, %v", c, err, again, errAgain)
		}
		if err != nil {
			checkError(t, err)
			return
		}
		checkConfig(t, c)
	})
}

func checkError(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || len(e.Problems) == 0 {
		t.Fatalf("no problems in %#v", err)
	}
	line := 0
	for _, p := range e.Problems {
		if p.Line < line || p.Text == "" || strings.ContainsAny(p.Key+p.Text, "\r\n\x1b") {
			t.Errorf("after line %d: %#v", line, p)
		}
		line = p.Line
	}
}

func checkConfig(t *testing.T, c Config) {
	t.Helper()
	for rule, holds := range map[string]bool{
		"instances":   0 <= c.MinInstances && c.MinInstances <= c.MaxInstances && c.MaxInstances >= 1,
		"ports":       c.BasePort >= 1 && c.BasePort+c.MaxInstances <= 65536,
		"thresholds":  0 <= c.ScaleDownThreshold && c.ScaleDownThreshold < c.ScaleUpThreshold && c.ScaleUpThreshold <= math.MaxFloat64,
		"concurrency": c.MaxConcurrency >= Auto,
		"queue":       c.Queue.Limit > 0 || c.Queue.Limit == 0 && c.MinInstances > 0,
		"paths":       filepath.IsAbs(c.WorkDir) && (c.Location == "" || filepath.IsAbs(c.Location)),
		"health path": strings.HasPrefix(c.HealthPath, "/"),
		"listeners":   !overlap(c.Listen, c.Admin) && !overlap(c.Listen, c.AdminHTTP) && !overlap(c.Admin, c.AdminHTTP),
		"client CAs":  c.Auth.TLS.ClientCA == "" || c.Auth.TLS.Cert != "",
		"key pair":    (c.Auth.TLS.Cert == "") == (c.Auth.TLS.Key == ""),
		"exposure":    sufficient(c.Auth) || isLocal(c.Admin) && isLocal(c.AdminHTTP),
	} {
		if !holds {
			t.Errorf("%s: %+v", rule, c)
		}
	}
	for _, d := range []time.Duration{c.CheckInterval, c.HealthTimeout, c.StartTimeout, c.RequestTimeout, c.Queue.Timeout} {
		if d < time.Millisecond || d > maxDuration {
			t.Errorf("a wait is %v: %+v", d, c)
		}
	}
	for _, d := range []time.Duration{c.IdleTimeout, c.StopTimeout, c.DrainTimeout} {
		if d < 0 || d > maxDuration {
			t.Errorf("a time is %v: %+v", d, c)
		}
	}
	for _, name := range []string{"PORT", "DYNLB_SOCKET", "DYNLB_APP", "DYNLB_INSTANCE"} {
		if _, ok := c.Env[name]; ok {
			t.Errorf("%s is in env: %+v", name, c)
		}
	}
	if argv := c.Argv(5001); (argv == nil) != (c.Command == nil && c.Location == "") || len(argv) > 0 && argv[0] == "" {
		t.Errorf("argv is %q: %+v", argv, c)
	}
	for _, prefix := range c.TrustedProxies {
		if prefix != prefix.Masked() || prefix.Addr().Is4In6() {
			t.Errorf("prefix %v is not canonical", prefix)
		}
	}
}

// sufficient reports whether auth is enough for a listener off loopback.
func sufficient(a Auth) bool {
	return a.TLS.Cert != "" && (a.TokenFile != "" || a.TLS.ClientCA != "")
}

// isLocal reports whether address can be reached from this machine only.
func isLocal(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(strings.Split(host, "%")[0])
	return err == nil && (strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback())
}
