package main

import (
	"context"
	"fmt"
	"os/exec"
)

// haproxyConfig arguments: threads, listen address, origins.
const haproxyConfig = `
global
	nbthread %[1]d
	maxconn 8192
defaults
	mode http
	http-reuse always
	option forwardfor
	timeout connect 5s
	timeout client 60s
	timeout server 60s
listen bench
	bind %[2]s backlog 4096
	balance leastconn
	http-request set-header X-Forwarded-Host %%[req.hdr(Host)]
	http-request set-header X-Forwarded-Proto http
%[3]s`

func startHAProxy(ctx context.Context, s *site) (target, error) {
	path, err := installed("haproxy")
	if err != nil {
		return target{}, err
	}
	port, err := freePorts(1)
	if err != nil {
		return target{}, err
	}
	file, err := s.write("haproxy.cfg", fmt.Sprintf(haproxyConfig, workers, loopback(port),
		eachOrigin(s, "\tserver origin%[1]d %[2]s")))
	if err != nil {
		return target{}, err
	}
	// -db: one process, in the foreground.
	t, err := startListening(ctx, s, "haproxy", loopback(port), exec.Command(path, "-db", "-f", file))
	t.version = programVersion(ctx, path, "-v")
	return t, err
}
