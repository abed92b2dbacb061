package config

import (
	"slices"
	"strings"
	"testing"
)

const allKeys = "location, minInstances, maxInstances, checkInterval, healthTimeout, scaleUpThreshold, scaleDownThreshold, idleTimeout, schedule, " +
	"spareInstances, slowStart, brakes, command, envFile, env, socket, workDir, version, releases, fleet, listen, tls, admin, adminHTTP, status, auth, basePort, " +
	"health, healthPath, livenessPath, startTimeout, stopTimeout, drainTimeout, stateDir, history, logs, drainDelay, protocol, requestTimeout, keepAlive, maxConcurrency, queue, " +
	"sticky, forwarded, trustedProxies, proxyProtocol, underscoreFields, verifyPort, user, maxRequests, maxAge, maxMemory, accessLog, requestID, " +
	"serverTiming, allow, deny, basicAuth, rateLimit, headers, securityHeaders, maintenance, errorPages, compression, tracing, limits, apps"
const wantCommand = `a list of strings that starts with a program, such as [bun, run, "{location}", --port, "{port}"]`

// parseProblems are texts with mistakes, and the problems in them.
var parseProblems = []struct {
	yaml string
	want string // one or more lines, without "config.yaml:"
}{
	// Keys.
	{"minIntances: 2", "1: minIntances: unknown key; did you mean minInstances?"},
	{"\n\nmininstances: 2", "3: mininstances: unknown key; did you mean minInstances?"},
	{"colour: red", "1: colour: unknown key; the keys are " + allKeys},
	{"queue:\n  limt: 3", "2: queue.limt: unknown key; did you mean limit?"},
	{"queue: {size: 3}", "1: queue.size: unknown key; the keys are limit, timeout"},
	{"queueLimit: 3", "1: queueLimit: unknown key; did you mean limit under queue?"},
	{"queue.timeout: 3", "1: queue.timeout: unknown key; did you mean timeout under queue?"},
	{"a: 2\n1: 2", "1: a: unknown key; the keys are " + allKeys + "\n2: 1: unknown key"},
	{`"a\nb": 2`, `1: "a\nb": unknown key; the keys are ` + allKeys},
	{"? [a]\n: b", "1: must have plain names for keys; got a list"},
	{"queue: {[a]: b}", "1: queue: must have plain names for keys; got a list"},
	{"a: &x y\n*x : 1", "1: a: unknown key; the keys are " + allKeys + "\n2: must have plain names for keys; got an alias"},
	{"minInstances: 1\nmaxInstances: 9\nminInstances: 2", "3: minInstances: is already set on line 1; keep one of the two"},
	{"env: &e {A: b}\n<<: *e", "2: <<: merge keys are not supported; write the keys out"},
	{"env:\n  A: x\n  A: y", "3: env.A: is already set on line 2; keep one of the two"},

	// Whole numbers.
	{"minInstances: two", `1: minInstances: must be a whole number from 0 to 65535; got "two"`},
	{"minInstances: '2'", `1: minInstances: must be a whole number from 0 to 65535; got "2"`},
	{"minInstances: 2.0", "1: minInstances: must be a whole number from 0 to 65535; got 2.0"},
	{"minInstances: -1", "1: minInstances: must be a whole number from 0 to 65535; got -1"},
	{"minInstances: true", "1: minInstances: must be a whole number from 0 to 65535; got true"},
	{"minInstances: [2]", "1: minInstances: must be a whole number from 0 to 65535; got a list"},
	{"minInstances: {a: 2}", "1: minInstances: must be a whole number from 0 to 65535; got a mapping"},
	{"minInstances: !x 2", `1: minInstances: must be a whole number from 0 to 65535; got "!x 2"`},
	{"minInstances: 010", "1: minInstances: must be a whole number from 0 to 65535; got 010"},
	{"maxInstances: 0", "1: maxInstances: must be a whole number from 1 to 65535; got 0"},
	{"maxInstances: 0x10", "1: maxInstances: must be a whole number from 1 to 65535; got 0x10"},
	{"protocol: http2", "1: protocol: must be http1, h2c or auto; got \"http2\""},
	{"health: grpc", "1: health: needs protocol: h2c or auto; gRPC is on HTTP/2"},
	{"basePort: 0", "1: basePort: must be a whole number from 1 to 65535; got 0"},
	{"basePort: 65536", "1: basePort: must be a whole number from 1 to 65535; got 65536"},
	{"maxConcurrency: -1", "1: maxConcurrency: must be a whole number from 0 to 2147483647; got -1"},
	{"queue: {limit: 99999999999999999999}", "1: queue.limit: must be a whole number from 0 to 2147483647; got 99999999999999999999"},
	{"queue: 5", "1: queue: must be a mapping with the keys limit, timeout; got 5"},
	{"queue: &q {limit: *q}", "1: queue.limit: must be a whole number from 0 to 2147483647; got a mapping"},

	// Numbers and booleans.
	{"scaleUpThreshold: 010", "1: scaleUpThreshold: must be a number, 0 or more; got 010"},
	{"scaleUpThreshold: [1]", "1: scaleUpThreshold: must be a number, 0 or more; got a list"},
	{"verifyPort: " + strings.Repeat("é", 61), "1: verifyPort: must be true or false; got \"" + strings.Repeat("é", 60) + "…\""},
	{"scaleUpThreshold: high", `1: scaleUpThreshold: must be a number, 0 or more; got "high"`},
	{"scaleUpThreshold: .nan", "1: scaleUpThreshold: must be a number, 0 or more; got .nan"},
	{"scaleUpThreshold: .inf", "1: scaleUpThreshold: must be a number, 0 or more; got .inf"},
	{"scaleUpThreshold: 1e999", `1: scaleUpThreshold: must be a number, 0 or more; got "1e999"`},
	{"scaleDownThreshold: -0.5", "1: scaleDownThreshold: must be a number, 0 or more; got -0.5"},
	{"scaleDownThreshold: !!float abc", `1: scaleDownThreshold: must be a number, 0 or more; got abc`},
	{"user: no-such-user", "1: user: must be a user of this machine; there is no user no-such-user"},
	{"user: 'root:no-such-group'", "1: user: must be a group of this machine; there is no group no-such-group"},
	{"user: 3999999999", "1: user: must name a group too: user 3999999999 has no entry on this machine and therefore no group; write 3999999999:GROUP"},
	{"user: ''", `1: user: must be a user, such as app or 1000, or a user and a group, such as app:www; got ""`},
	{"user: 'root:'", `1: user: must be a user, such as app or 1000, or a user and a group, such as app:www; got "root:"`},
	{"maxMemory: 1GB!", `1: maxMemory: must be a number of bytes, such as 8192, or a size, such as 8KiB; got "1GB!"`},
	{"maxMemory: 9000000000TiB", `1: maxMemory: must be a size from 0 to 1125899906842624 bytes; got "9000000000TiB"`},
	{"maxMemory: 512M", "1: maxMemory: must have a unit that says whether it is of 1024 or of 1000; write 512MiB in place of 512M"},
	{"limits: {header: 16 k}", "1: limits.header: must have a unit that says whether it is of 1024 or of 1000; write 16KiB in place of 16 k"},
	{"maxMemory: 512", "1: maxMemory: must be at least 1MiB; 512 is 512 bytes, write 512MiB"},
	{"maxMemory: 1048575", "1: maxMemory: must be at least 1MiB, or 0 for no limit; got 1048575"},
	{"maxMemory: 512KiB", `1: maxMemory: must be at least 1MiB, or 0 for no limit; got "512KiB"`},
	{"maxMemory: -1", "1: maxMemory: must be a size from 0 to 1125899906842624 bytes; got -1"},
	{"limits: {header: 2MiB}", `1: limits.header: must be a size from 64 to 1048576 bytes; got "2MiB"`},
	{"limits: {requestLine: 128KiB}", `1: limits.requestLine: must be at most limits.header (65536, the default); got 131072`},
	{"limits: {headers: 8KiB}", `1: limits.headers: unknown key; did you mean header?`},
	{"verifyPort: yes please", `1: verifyPort: must be true or false; got "yes please"`},
	{"verifyPort: 'true'", `1: verifyPort: must be true or false; got "true"`},
	{"verifyPort: !!bool 7", `1: verifyPort: must be true or false; got 7`},

	// Durations.
	{"checkInterval: 5 s", `1: checkInterval: must be milliseconds, such as 5000, or a duration, such as 5s; got "5 s"`},
	{"tls: {internal: true, hsts: 1y}", `1: tls.hsts: must be a duration in hours, minutes, seconds or ms: write 1y as 8760h; got "1y"`},
	{"checkInterval: 2d", `1: checkInterval: must be a duration in hours, minutes, seconds or ms: write 2d as 48h; got "2d"`},
	{"checkInterval: '5000'", `1: checkInterval: must be milliseconds, such as 5000, or a duration, such as 5s; got "5000"`},
	{"checkInterval: 2.5", "1: checkInterval: must be milliseconds, such as 5000, or a duration, such as 5s; got 2.5"},
	{"checkInterval: []", "1: checkInterval: must be milliseconds, such as 5000, or a duration, such as 5s; got an empty list"},
	{"checkInterval: 0", "1: checkInterval: must be at least 1ms; got 0"},
	{"checkInterval: -5000", "1: checkInterval: must be at least 1ms; got -5000"},
	{"healthTimeout: 10us", `1: healthTimeout: must be at least 1ms; got "10us"`},
	{"startTimeout: 0s", `1: startTimeout: must be at least 1ms; got "0s"`},
	{"requestTimeout: 0", "1: requestTimeout: must be at least 1ms; got 0"},
	{"queue: {timeout: 0}", "1: queue.timeout: must be at least 1ms; got 0"},
	{"idleTimeout: -1", "1: idleTimeout: must be 0 or more; got -1"},
	{"stopTimeout: -1s", `1: stopTimeout: must be 0 or more; got "-1s"`},
	{"drainTimeout: -9223372036854775808", "1: drainTimeout: must be 0 or more; got -9223372036854775808"},
	{"idleTimeout: 9223372036854775807", "1: idleTimeout: must be at most 8760h, a year; got 9223372036854775807"},
	{"idleTimeout: 31536000001", "1: idleTimeout: must be at most 8760h, a year; got 31536000001"},
	{"idleTimeout: 9999h", `1: idleTimeout: must be at most 8760h, a year; got "9999h"`},

	// Paths.
	{"location: gone.ts", "1: location: must exist, as seen from the config file's folder; DIR/gone.ts: no such file or directory"},
	{"location: ''", `1: location: must be a path; got ""`},
	{"location: 5", "1: location: must be a path; got 5"},
	{`location: "a\0b"`, `1: location: must be a path; got "a\x00b"`},
	{"workDir: gone", "1: workDir: must exist, as seen from the config file's folder; DIR/gone: no such file or directory"},
	{"workDir: app.ts", "1: workDir: must be a folder; DIR/app.ts is a file"},

	// The command and its environment.
	{"command: bun run app.ts", "1: command: must be a list; write command: [bun, run, app.ts]"},
	{"command: npm ci && node app.js", `1: command: must be a list; write command: [sh, -c, "npm ci && node app.js"]`},
	{"command: []", "1: command: must be " + wantCommand + "; got an empty list"},
	{"command: ['']", `1: command[0]: must be a program; got ""`},
	{"command:\n- node\n- [a]\n- ~\n", "3: command[1]: must be a string; got a list\n4: command[2]: must be a string; got nothing"},
	{`command: [node, "\0"]`, `1: command[1]: must be a string; got "\x00"`},
	{"command: ['node app.js --port {port}']", `1: command[0]: must be a program; it and each argument are separate items: [node, app.js, --port, "{port}"]`},
	{"command: [node, {port}]", `1: command[1]: must be a string; YAML reads {port} as a mapping, so write "{port}" in quotes`},
	{"command: [node, {host}]", "1: command[1]: must be a string; got a mapping"},
	{"command: [node, '--p={prot}']", "1: command[1]: unknown placeholder {prot}; there are {location}, {port}, {socket} and {version}"},
	{"command: [node, '{PORT}']", "1: command[1]: unknown placeholder {PORT}; there are {location}, {port}, {socket} and {version}"},
	{"command: [node, '${port}']", "1: command[1]: ${port} is not a placeholder; write {port}"},
	{"command: [node, '{version}']", "1: command: uses {version}; set version too, the one that runs before the first deploy"},
	{"env: {V: 'v{version}'}", "1: env: uses {version}; set version too, the one that runs before the first deploy"},
	{"version: a/b", `1: version: must be a version of letters, digits, dots, hyphens, underscores and plus signs, such as 1.4.0; got "a/b"`},
	{"env: {DYNLB_VERSION: 1}", "1: env.DYNLB_VERSION: is set by dynlb, to the version of the app; remove it"},
	{"command: [node, '{location}']", "1: command: uses {location}; set location too, or write the path itself"},
	{"env: [A=b]", "1: env: must be a mapping of names to values; got a list"},
	{"env:\n  A: ok\n  PORT: 1", "3: env.PORT: is set by dynlb, to the port of the instance; remove it"},
	{"env: {DYNLB_INSTANCE: x}", "1: env.DYNLB_INSTANCE: is set by dynlb, to find the processes of the instance; remove it"},
	{"env: {1A: x}", "1: env.1A: must be a name of letters, digits and _ that does not start with a digit"},
	{"env: {'A=B': x}", `1: env."A=B": must be a name of letters, digits and _ that does not start with a digit`},
	{"env: {A: }", `1: env.A: must be a string; got nothing; write "" for an empty one`},
	{"env: {A: [x]}", "1: env.A: must be a string; got a list"},
	{`env: {A: "\0"}`, `1: env.A: must be a string; got "\x00"`},

	// Addresses.
	{"listen: 4000", `1: listen: must be host:port; write listen: ":4000"`},
	{"listen: ''", `1: listen: must be host:port, such as ":4000" or "127.0.0.1:4000"; got ""`},
	{"listen: '256.1.1.1:4000'", `1: listen: must be host:port, such as ":4000" or "127.0.0.1:4000"; got "256.1.1.1:4000"`},
	{"admin: '127.1:9'", `1: admin: must be host:port, such as ":4000" or "127.0.0.1:4000"; got "127.1:9"`},
	{"admin: '0:9'", `1: admin: must be host:port, such as ":4000" or "127.0.0.1:4000"; got "0:9"`},
	{"admin: :http", `1: admin: must be host:port, such as ":4000" or "127.0.0.1:4000"; got ":http"`},
	{"admin: :65536", `1: admin: must be host:port, such as ":4000" or "127.0.0.1:4000"; got ":65536"`},
	{"admin: http://x:80", `1: admin: must be host:port, such as ":4000" or "127.0.0.1:4000"; got "http://x:80"`},
	{"adminHTTP: a b:80", `1: adminHTTP: must be host:port, such as ":4000" or "127.0.0.1:4000"; got "a b:80"`},
	{"adminHTTP: 127.0.0.1:4001", "1: adminHTTP: must be on another port than admin (127.0.0.1:4001, the default); got 127.0.0.1:4001"},
	{"admin: 127.0.0.1:4000", "1: admin: must be on another port than listen (:4000, the default); got 127.0.0.1:4000"},
	{"admin: localhost:9\nadminHTTP: 127.0.0.1:9", "2: adminHTTP: must be on another port than admin (localhost:9); got 127.0.0.1:9"},
	{"admin: 127.0.0.1:9\nadminHTTP: '[::]:9'", "2: adminHTTP: must be on another port than admin (127.0.0.1:9); got [::]:9"},
	{"listen: 0.0.0.0:9\nadminHTTP: localhost:9", "2: adminHTTP: must be on another port than listen (0.0.0.0:9); got localhost:9"},
	{allAuth + "admin: 0.0.0.0:9\nadminHTTP: box:9", "3: adminHTTP: must be on another port than admin (0.0.0.0:9); got box:9"},
	{allAuth + "adminHTTP: box:9\nadmin: box:9", "3: admin: must be on another port than adminHTTP (box:9); got box:9"},
	{"healthPath: health", `1: healthPath: must be a path that starts with "/", such as /health; got "health"`},
	{"livenessPath: live", `1: livenessPath: must be a path that starts with "/", such as /health; got "live"`},
	{"healthPath: 7", `1: healthPath: must be a path that starts with "/", such as /health; got 7`},
	{"healthPath: /a b", `1: healthPath: must be a path in URL form, with special characters as %XX; got "/a b"`},
	{"healthPath: /%zz", `1: healthPath: must be a path in URL form, with special characters as %XX; got "/%zz"`},
	{"healthPath: '/a#b'", `1: healthPath: must be a path in URL form, with special characters as %XX; got "/a#b"`},
	{"rateLimit: {client: 20}", "1: rateLimit.client: must be a number of requests per second, minute or hour, such as 20/s or 600/m; got 20"},
	{"rateLimit: {app: 0/s}", "1: rateLimit.app: must be a number of requests per second, minute or hour, such as 20/s or 600/m; got \"0/s\""},
	{"allow: [public]", "1: allow[0]: must be an address or a network, such as 10.1.2.3 or 10.0.0.0/8; got \"public\""},
	{"basicAuth: sub", "1: basicAuth: must be a file; DIR/sub is a folder"},
	{"headers: {set: {'a b': c}}", `1: headers.set."a b": must be the name of a header field`},
	{"headers: {set: {Host: c}}", "1: headers.set.Host: must not be set: dynlb writes it itself"},
	{"headers: {set: {X-A: a, x-a: b}}", "1: headers.set.x-a: is already set, in other letters"},
	{"headers: {set: {X-A: \"a\\nb: c\"}}", `1: headers.set.X-A: must be a text of ASCII on one line, without space around it; got "a\nb: c"`},
	{"headers: {set: {X-A: [a]}}", `1: headers.set.X-A: must be a text of ASCII on one line, without space around it; got a list`},
	{"headers: {set: a}", `1: headers.set: must be a mapping of header fields to values; got "a"`},
	{"headers: {remove: [Content-Length]}", "1: headers.remove[0]: must not be Content-Length, which dynlb writes itself"},
	{"headers: {remove: Server}", `1: headers.remove: must be a list of header fields, such as [Server]; got "Server"`},
	{"maintenance: sub", "1: maintenance: must be a file; DIR/sub is a folder"},
	{"errorPages: {200: app.ts}", "1: errorPages.200: must be a status that dynlb itself answers requests for an app with, which is 400, 401, 403, 408, 429, 431, 502, 503 or 504, or default"},
	{"errorPages: {404: app.ts}", "1: errorPages.404: must be a status that dynlb itself answers requests for an app with, which is 400, 401, 403, 408, 429, 431, 502, 503 or 504, or default"},
	{"errorPages: {502: 1}", "1: errorPages.502: must be a path; got 1"},
	{"errorPages: app.ts", "1: errorPages: must be a mapping of statuses to files, such as {503: 503.html, default: error.html}; got \"app.ts\""},
	{"requestID: true", "1: requestID: must be the name of a header field, such as X-Request-Id; got true"},
	{"requestID: 'a b'", `1: requestID: must be the name of a header field, such as X-Request-Id; got "a b"`},
	{"requestID: host", "1: requestID: must not be host, which dynlb writes itself"},
	{"accessLog: {format: xml}", `1: accessLog.format: must be json or combined; got "xml"`},
	{"accessLog: {to: 3}", "1: accessLog.to: must be a path; got 3"},
	{"proxyProtocol: true", "1: proxyProtocol: needs trustedProxies: only those may say who their client is"},
	{"sticky: session", `1: sticky: must be cookie, address, {header: X-Session}, or {by: cookie, moved: X-Session-Moved}; got "session"`},
	{"sticky: {by: address, moved: X-Moved}", "1: sticky: must be cookie, address, {header: X-Session}, or {by: cookie, moved: X-Session-Moved}"},
	{"sticky: {by: cookie, header: X-Session}", "1: sticky: must be cookie, address, {header: X-Session}, or {by: cookie, moved: X-Session-Moved}"},
	{"sticky: {heder: X}", "1: sticky.heder: unknown key; did you mean header?\n1: sticky: must be cookie, address, {header: X-Session}, or {by: cookie, moved: X-Session-Moved}"},
	{"sticky: {header: Host}", "1: sticky.header: must not be Host, which dynlb writes itself\n1: sticky: must be cookie, address, {header: X-Session}, or {by: cookie, moved: X-Session-Moved}"},
	{"trustedProxies: 10.0.0.0/8", `1: trustedProxies: must be a list of networks, such as [10.0.0.0/8]; got "10.0.0.0/8"`},
	{"trustedProxies:\n- ::1\n- 10.0.0.0/33", `3: trustedProxies[1]: must be an address or a network, such as 10.1.2.3 or 10.0.0.0/8; got "10.0.0.0/33"`},
	{"trustedProxies: [proxy.local]", `1: trustedProxies[0]: must be an address or a network, such as 10.1.2.3 or 10.0.0.0/8; got "proxy.local"`},
	{"trustedProxies: [localhost]", `1: trustedProxies[0]: must be an address or a network; write loopback; got "localhost"`},
	{"allow: [localhost]", `1: allow[0]: must be an address or a network; write loopback; got "localhost"`},
	{"trustedProxies: ['fe80::1%eth0']", `1: trustedProxies[0]: must be an address or a network, such as 10.1.2.3 or 10.0.0.0/8; got "fe80::1%eth0"`},
	{"trustedProxies: [1.5]", "1: trustedProxies[0]: must be an address or a network, such as 10.1.2.3 or 10.0.0.0/8; got 1.5"},
	{"trustedProxies: [10.1.2.3/8]", `1: trustedProxies[0]: must be the network's first address; write 10.0.0.0/8 or 10.1.2.3; got "10.1.2.3/8"`},
	{"trustedProxies: ['::ffff:10.0.0.1']", `1: trustedProxies[0]: must be an IPv4 network in IPv4 form, such as 10.0.0.0/8; got "::ffff:10.0.0.1"`},

	// Keys that do not fit together.
	{"minInstances: 9", "1: minInstances: must be at most maxInstances (8, the default); got 9"},
	{"maxInstances: 1", "1: maxInstances: must be at least minInstances (2, the default); got 1"},
	{"minInstances: 9\nmaxInstances:", "1: minInstances: must be at most maxInstances (8, the default); got 9"},
	{"minInstances: 5\n\nmaxInstances: 4", "3: maxInstances: must be at least minInstances (5); got 4"},
	{"maxInstances: 4\nminInstances: 5", "2: minInstances: must be at most maxInstances (4); got 5"},
	{"scaleUpThreshold: 0.5", "1: scaleUpThreshold: must be above scaleDownThreshold (0.5, the default); got 0.5"},
	{"scaleUpThreshold: 2\nscaleDownThreshold: 2.5", "2: scaleDownThreshold: must be below scaleUpThreshold (2); got 2.5"},
	{"basePort: 65530", "1: basePort: basePort + maxInstances must be at most 65536; got 65530 + 8"},
	{"basePort: 65530\nmaxInstances: 7", "2: maxInstances: basePort + maxInstances must be at most 65536; got 65530 + 7"},
	{"minInstances: 0\nqueue:\n  limit: 0", "3: queue.limit: minInstances or queue.limit must be above 0; with 0 and 0 no request could wait for the first instance"},
}

// TestParseProblems compares the exact text of every problem. DIR stands for the
// folder of the file.
func TestParseProblems(t *testing.T) {
	t.Parallel()
	dir := folderWithApp(t)
	for _, test := range parseProblems {
		t.Run(test.yaml, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("config.yaml", []byte(test.yaml), dir, nil)
			got := report(t, err)
			want := strings.Split(strings.ReplaceAll(test.want, "DIR", dir), "\n")
			for i := range want {
				want[i] = "config.yaml:" + want[i]
			}
			if !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// TestParseReportsAll parses one file with a problem of each kind.
func TestParseReportsAll(t *testing.T) {
	t.Parallel()
	const yaml = `# what a day
minIntances: 2
maxInstances: many
checkInterval: -1
scaleUpThreshold: 1
scaleDownThreshold: 2
queue:
  limit: 10
  wait: 3
listen: :4001
trustedProxies:
  - 10.0.0.0/8
  - frontend
`
	_, err := Parse("my.yaml", []byte(yaml), t.TempDir(), port("http"))
	want := []string{
		`PORT: must be a port from 0 to 65535; got "http" in the environment`,
		"my.yaml:2: minIntances: unknown key; did you mean minInstances?",
		`my.yaml:3: maxInstances: must be a whole number from 1 to 65535; got "many"`,
		"my.yaml:4: checkInterval: must be at least 1ms; got -1",
		"my.yaml:6: scaleDownThreshold: must be below scaleUpThreshold (1); got 2",
		"my.yaml:9: queue.wait: unknown key; the keys are limit, timeout",
		`my.yaml:13: trustedProxies[1]: must be an address or a network, such as 10.1.2.3 or 10.0.0.0/8; got "frontend"`,
	}
	if got := report(t, err); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
