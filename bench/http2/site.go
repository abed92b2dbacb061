package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// site is the peers of clear text or of TLS, over the same instances.
type site struct {
	dir, program string
	secure       bool
	peers        []*peer // dynlb, nginx, HAProxy
}

// peer is a proxy that answers. It is the leader of its process group.
type peer struct {
	name, url string
	cmd       *exec.Cmd
}

func (s *site) name() string {
	if s.secure {
		return "TLS 1.3"
	}
	return "clear text"
}

// start starts the peers.
func (s *site) start() error {
	ports, err := freePorts(4)
	if err != nil {
		return err
	}
	if err := s.certificate(); err != nil {
		return err
	}
	program, err := filepath.Abs(s.program)
	if err != nil {
		return err
	}
	instances := []int{ports[3], ports[3] + 1} // the next one is most likely free, too
	dynlb := fmt.Sprintf("listen: 127.0.0.1:%d\nadmin: 127.0.0.1:0\nadminHTTP: 127.0.0.1:0\nbasePort: %d\nminInstances: 2\nmaxInstances: 2\n", ports[0], instances[0])
	nginxTLS, haproxyTLS := "", "proto h2"
	if s.secure {
		dynlb += "tls: {cert: cert.pem, key: key.pem, http2: true}\n"
		nginxTLS = fmt.Sprintf("ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/key.pem; ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;", s.dir)
		haproxyTLS = fmt.Sprintf("ssl crt %s/both.pem alpn h2 ssl-min-ver TLSv1.3 ciphersuites TLS_AES_128_GCM_SHA256", s.dir)
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	nginx := fmt.Sprintf(nginxConfig, user, s.dir, instances[0], instances[1], ports[1], map[bool]string{true: "ssl"}[s.secure], nginxTLS)
	haproxy := fmt.Sprintf(haproxyConfig, ports[2], haproxyTLS, instances[0], instances[1])
	for name, text := range map[string]string{"config.yaml": dynlb, "nginx.conf": nginx, "haproxy.cfg": haproxy} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return errors.Join(
		s.add("dynlb", ports[0], program, "serve", "--no-keeper", "--config", "config.yaml"),
		s.add("nginx", ports[1], "nginx", "-p", s.dir, "-c", filepath.Join(s.dir, "nginx.conf"), "-e", "stderr"),
		s.add("haproxy", ports[2], "haproxy", "-db", "-f", "haproxy.cfg"),
	)
}

const nginxConfig = `daemon off; %[1]s pid %[2]s/nginx.pid; error_log stderr error; worker_processes 2;
events { worker_connections 1024; }
http {
	access_log off; keepalive_requests 1000000000; client_body_temp_path %[2]s/client; proxy_temp_path %[2]s/proxy;
	fastcgi_temp_path %[2]s/fastcgi; uwsgi_temp_path %[2]s/uwsgi; scgi_temp_path %[2]s/scgi;
	upstream instances { least_conn; server 127.0.0.1:%[3]d; server 127.0.0.1:%[4]d; keepalive 256; keepalive_requests 1000000000; }
	server {
		listen 127.0.0.1:%[5]d %[6]s http2; %[7]s
		location / {
			proxy_pass http://instances; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Host $http_host;
			proxy_set_header X-Forwarded-Proto $scheme;
		}
	}
}
`

const haproxyConfig = `global
	nbthread 2
defaults
	mode http
	http-reuse always
	option forwardfor
	timeout connect 5s
	timeout client 60s
	timeout server 60s
listen bench
	bind 127.0.0.1:%[1]d %[2]s
	balance leastconn
	http-request set-header X-Forwarded-Host %%[req.hdr(Host)]
	http-request set-header X-Forwarded-Proto http
	server a 127.0.0.1:%[3]d
	server b 127.0.0.1:%[4]d
`

// add starts a peer, and waits until it answers.
func (s *site) add(name string, port int, program string, arguments ...string) error {
	cmd := exec.Command(program, arguments...)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), "GOMAXPROCS=2")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	scheme := "http"
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	if s.secure {
		scheme = "https"
		protocols.SetHTTP2(true)
	}
	p := &peer{name: name, url: fmt.Sprintf("%s://127.0.0.1:%d/health", scheme, port), cmd: cmd}
	s.peers = append(s.peers, p)
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{
		Protocols: protocols, DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	var err error
	for range 100 {
		var res *http.Response
		if res, err = client.Get(p.url); err == nil {
			_ = res.Body.Close() // read only
			if res.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(res.Status)
		}
		time.Sleep(100 * time.Millisecond) // the peer, or the instances, start
	}
	return fmt.Errorf("start %s: %w", name, err)
}

// stop ends the peers, dynlb last: the others use its instances.
func (s *site) stop() {
	for _, p := range slices.Backward(s.peers) {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Wait() // the measurement is over
	}
}

// certificate writes a certificate that signs itself, with a key on P-256.
func (s *site) certificate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	for name, text := range map[string][]byte{"cert.pem": cert, "key.pem": private, "both.pem": slices.Concat(cert, private)} {
		if err := os.WriteFile(filepath.Join(s.dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// freePorts returns ports that are free.
func freePorts(n int) (ports []int, err error) {
	var listeners []net.Listener // until all are known
	defer func() {
		for _, l := range listeners {
			_ = l.Close() // nothing was accepted
		}
	}()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		listeners = append(listeners, l)
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// used returns the processor time of a process group, user and system.
func used(group int) time.Duration {
	total := 0
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		stat, _ := os.ReadFile(file) // of a process that may have ended
		_, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest) // they begin with the state
		if len(fields) < 13 || fields[2] != strconv.Itoa(group) {
			continue
		}
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		total += user + system
	}
	const tick = time.Second / 100 // the unit of /proc/PID/stat
	return time.Duration(total) * tick
}
