package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// workers is how many threads every peer gets: nginx worker processes, HAProxy
// threads, GOMAXPROCS.
const workers = 2

// A peer is one balancer to measure. All do the same work: HTTP/1.1 on both
// sides, connections to the origins kept and shared, Host preserved,
// X-Forwarded-For, -Host and -Proto set, no access log.
type peer struct {
	name string
	// start brings the peer up over s.origins and returns when it answers.
	start func(ctx context.Context, s *site) (target, error)
	tls   bool // it can speak TLS
}

// A target is a peer that answers.
type target struct {
	addrs   []string // host:port; client connections are spread evenly over them
	group   int      // process group whose CPU time counts; 0: none
	version string

	collects  bool       // it is a Go program, and collects garbage
	collected func() int // how often it did, if site.traceGC is on
	garbage   string     // a path that makes garbage when it is asked for
}

// peers lists all that can be asked for with -peers; a new one is an entry here.
func peers() []peer {
	return []peer{
		{"direct", startDirect, false},
		{"dynlb", startDynlb, true},
		{"dynlb-std", startDynlbStd, true},
		{"bare", startBare, false},
		{"nginx", startNginx, true},
		{"haproxy", startHAProxy, true},
		{"haproxy-tcp", startHAProxyTCP, false},
		{"caddy", startCaddy, false},
	}
}

// speaking are those of the named peers that speak plain HTTP, or TLS.
func speaking(names []string, secure bool) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return secure && !slices.ContainsFunc(peers(), func(p peer) bool { return p.name == name && p.tls })
	})
}

func peerNames() []string {
	var names []string
	for _, p := range peers() {
		names = append(names, p.name)
	}
	return names
}

// startDirect is no balancer at all: the client talks to the origins. It shows
// what client, origins and machine can do.
func startDirect(_ context.Context, s *site) (target, error) {
	return target{addrs: s.origins, version: "no balancer"}, nil
}

// startListening starts cmd, which must serve at addr, and waits until it does.
func startListening(ctx context.Context, s *site, name, addr string, cmd *exec.Cmd) (target, error) {
	c, err := s.start(name, cmd)
	if err != nil {
		return target{}, err
	}
	if err := c.awaitReady(ctx, getOK(s.url(addr, "/"))); err != nil {
		return target{}, err
	}
	return newTarget(c, addr), nil
}

// newTarget is the target that c serves at addr.
func newTarget(c *child, addr string) target {
	return target{addrs: []string{addr}, group: c.group(), collected: c.output.collected, garbage: "/"}
}

// installed finds a Debian package's program, or says how to get it.
func installed(program string) (string, error) {
	for _, name := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed: run bench/install.sh as root (or choose with -peers)", program)
}

var versionPattern = regexp.MustCompile(`\d+\.\d+\S*`)

// programVersion is the first version number in what the program answers to
// flag; empty if it says none.
func programVersion(ctx context.Context, path, flag string) string {
	said, err := exec.CommandContext(ctx, path, flag).CombinedOutput()
	if err != nil {
		return ""
	}
	return versionPattern.FindString(string(said))
}

// eachOrigin formats one line per origin: number and address.
func eachOrigin(s *site, format string) string {
	var lines strings.Builder
	for i, addr := range s.origins {
		fmt.Fprintf(&lines, format+"\n", i+1, addr)
	}
	return lines.String()
}
