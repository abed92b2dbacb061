package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// haproxyConfig arguments: threads, mode and its options, listen address,
// fields to set, origins, certificate.
const haproxyConfig = `
global
	nbthread %[1]d
	maxconn 6000
defaults
%[2]s
	timeout connect 5s
	timeout client 60s
	timeout server 60s
listen bench
	bind %[3]s backlog 4096%[6]s
	balance leastconn
%[4]s
%[5]s`

// startHAProxy is HAProxy as an HTTP proxy.
func startHAProxy(ctx context.Context, s *site) (target, error) {
	return startHAProxyMode(ctx, s, "haproxy",
		"\tmode http\n\thttp-reuse always\n\toption forwardfor",
		"\thttp-request set-header X-Forwarded-Host %[req.hdr(Host)]\n\thttp-request set-header X-Forwarded-Proto http")
}

// startHAProxyTCP is HAProxy that passes bytes on and does not look at them:
// the floor, for what a proxy costs before it knows of HTTP. Each client
// connection has one of its own to an origin.
func startHAProxyTCP(ctx context.Context, s *site) (target, error) {
	return startHAProxyMode(ctx, s, "haproxy-tcp", "\tmode tcp", "")
}

func startHAProxyMode(ctx context.Context, s *site, name, mode, fields string) (target, error) {
	path, err := installed("haproxy")
	if err != nil {
		return target{}, err
	}
	port, err := freePorts(1)
	if err != nil {
		return target{}, err
	}
	tls := ""
	if s.tls != nil {
		tls = " ssl crt " + s.tls.both + " alpn http/1.1 ssl-min-ver TLSv1.3"
		fields = strings.ReplaceAll(fields, "Proto http", "Proto https")
	}
	file, err := s.write(name+".cfg", fmt.Sprintf(haproxyConfig, workers, mode, loopback(port), fields,
		eachOrigin(s, "\tserver origin%[1]d %[2]s"), tls))
	if err != nil {
		return target{}, err
	}
	// -db: one process, in the foreground.
	t, err := startListening(ctx, s, name, loopback(port), exec.Command(path, "-db", "-f", file))
	t.version = programVersion(ctx, path, "-v")
	return t, err
}
