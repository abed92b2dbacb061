package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// caddyConfig arguments: port, origins.
//
// The connections kept per origin are 32 by default, fewer than the load has.
const caddyConfig = `
{
	admin off
	auto_https off
	log {
		output discard
	}
	servers {
		protocols h1
	}
}
http://:%[1]d {
	bind 127.0.0.1
	reverse_proxy %[2]s {
		lb_policy least_conn
		transport http {
			keepalive_idle_conns_per_host 256
		}
	}
}
`

func startCaddy(ctx context.Context, s *site) (target, error) {
	path, err := installed("caddy")
	if err != nil {
		return target{}, err
	}
	port, err := freePorts(1)
	if err != nil {
		return target{}, err
	}
	file, err := s.write("Caddyfile", fmt.Sprintf(caddyConfig, port, strings.Join(s.origins, " ")))
	if err != nil {
		return target{}, err
	}
	cmd := exec.Command(path, "run", "--adapter", "caddyfile", "--config", file)
	cmd.Env = append(s.goEnv(), "XDG_CONFIG_HOME="+s.dir, "XDG_DATA_HOME="+s.dir)
	t, err := startListening(ctx, s, "caddy", loopback(port), cmd)
	t.collects = true
	t.version = programVersion(ctx, path, "version")
	return t, err
}
