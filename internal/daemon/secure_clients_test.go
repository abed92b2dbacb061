package daemon_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// nodeClient sends two requests over one connection, with a session that it resumes over
// another one. It prints what it saw.
const nodeClient = `
const https = require('https'), fs = require('fs');
const [port, ca, host] = process.argv.slice(1);
const agent = new https.Agent({keepAlive: true, maxSockets: 1, ca: fs.readFileSync(ca), servername: host});
const get = agent => new Promise((done, failed) => {
  https.request({host: '127.0.0.1', port, agent, method: 'POST', headers: {host}}, r => {
    const s = r.socket, out = [r.statusCode, s.getProtocol(), s.authorized, s.isSessionReused(), r.httpVersion, s.localPort];
    r.resume().on('end', () => done(out));
  }).on('error', failed).end('x'.repeat(100000));
});
(async () => {
  const a = await get(agent);
  const b = await get(agent);
  agent.destroy();
  await new Promise(r => setTimeout(r, 50));
  const c = await get(agent);
  console.log('connection kept:', a[5] === b[5], 'new one:', c[5] !== a[5]);
  for (const x of [a, b, c]) console.log(x.slice(0, 5).join(' '));
  agent.destroy();
})().catch(e => { console.log(e); process.exit(1); });
`

// TestHTTPSClients has clients of three kinds of TLS libraries connect: OpenSSL by itself
// and in Node, and that of curl.
func TestHTTPSClients(t *testing.T) {
	t.Parallel()
	keys := daemontest.NewKeys(t)
	r := daemontest.Start(t, fmt.Sprintf("minInstances: 1\ntls: {cert: %s, key: %s}\n", keys.Path("server.pem"), keys.Path("server.key")))
	r.AwaitReady(1)
	address := strings.TrimPrefix(r.URL, "http://")
	_, port, _ := strings.Cut(address, ":")
	host, ca, session := daemontest.ServerName, keys.Path("ca.pem"), keys.Path("session")
	s := func(arguments ...string) []string {
		return append([]string{"openssl", "s_client", "-connect", address, "-servername", host, "-CAfile", ca, "-verify_return_error", "-verify_hostname", host}, arguments...)
	}
	curl := func(path string, arguments ...string) []string {
		return append([]string{
			"curl", "-sS", "--noproxy", "*", "--cacert", ca, "--resolve", host + ":" + port + ":127.0.0.1", "-o", "/dev/null",
			"-w", "%{http_code} %{http_version} %{ssl_verify_result}\n", "https://" + host + ":" + port + path,
		}, arguments...)
	}
	const request = "GET / HTTP/1.1\r\nHost: lb.example\r\nConnection: close\r\n\r\n"
	for _, test := range []struct {
		name, input string
		command     []string
		has         []string // "!": the command fails
	}{
		{"TLS 1.3", request, s("-tls1_3", "-ign_eof"), []string{"Verify return code: 0 (ok)", "TLSv1.3", "HTTP/1.1 200"}},
		{"TLS 1.2", request, s("-tls1_2", "-ign_eof", "-sess_out", session), []string{"Verify return code: 0 (ok)", "TLSv1.2", "GCM", "HTTP/1.1 200"}},
		{"a resumed session", request, s("-tls1_2", "-ign_eof", "-sess_in", session), []string{"Reused, TLSv1.2", "HTTP/1.1 200"}},
		{"ALPN", "", s("-alpn", "h2,http/1.1"), []string{"ALPN protocol: h2"}},
		{"a cipher without authentication", "", s("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"), []string{"!", "handshake failure"}},
		{"curl", "", curl("/"), []string{"200 2 0"}},
		{"curl, with content", strings.Repeat("x", 1<<20), curl("/echo?raw=1", "--data-binary", "@-"), []string{"200 2 0"}},
		{"curl, HTTP/1.1", strings.Repeat("x", 1<<20), curl("/", "--http1.1", "--data-binary", "@-"), []string{"200 1.1 0"}},
		{"curl, TLS 1.2", "", curl("/", "--tls-max", "1.2"), []string{"200 2 0"}},
		{"Node", "", []string{"node", "-e", nodeClient, port, ca, host}, []string{
			"connection kept: true new one: true", "200 TLSv1.3 true false 1.1\n200 TLSv1.3 true false 1.1\n200 TLSv1.3 true true 1.1\n",
		}},
	} {
		if _, err := exec.LookPath(test.command[0]); err != nil {
			t.Logf("%s: %s is not installed", test.name, test.command[0])
			continue
		}
		command := exec.CommandContext(t.Context(), test.command[0], test.command[1:]...)
		command.Stdin = strings.NewReader(test.input)
		output, err := command.CombinedOutput()
		fails := test.has[0] == "!"
		if fails == (err == nil) {
			t.Errorf("%s: error %v, want failure = %v", test.name, err, fails)
		}
		for _, want := range test.has {
			if want != "!" && !strings.Contains(string(output), want) {
				t.Errorf("%s: the output does not have %q:\n%s", test.name, want, output)
			}
		}
	}
}
