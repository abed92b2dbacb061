package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// system is a balancer under test.
type system struct {
	name  string
	start func(ctx context.Context, dir string, s scenario) (running, error)
}

// running is a balancer that runs.
type running struct {
	url    string
	status string // URL of /lb-status; "" for a static pool
	stop   func()
}

// build builds dynlb.
func build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "dynlb")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, "./cmd/dynlb").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build dynlb: %w: %s", err, out)
	}
	return path, nil
}

// dynlb is a build of dynlb with the scenario's settings.
func dynlb(name, path string, extra ...string) system {
	return system{name: name, start: func(ctx context.Context, dir string, s scenario) (running, error) {
		ports, err := freePorts(20)
		if err != nil {
			return running{}, err
		}
		self, err := os.Executable()
		if err != nil {
			return running{}, err
		}
		command, _ := json.Marshal(append([]string{self}, s.slowAt(ports[3]).args("{port}")...))
		lines := append([]string{
			fmt.Sprintf("listen: 127.0.0.1:%d", ports[0]),
			fmt.Sprintf("admin: 127.0.0.1:%d", ports[1]),
			fmt.Sprintf("adminHTTP: 127.0.0.1:%d", ports[2]),
			fmt.Sprintf("basePort: %d", ports[3]),
			"command: " + string(command),
			fmt.Sprintf("minInstances: %d", s.low),
			fmt.Sprintf("maxInstances: %d", s.high),
		}, append(s.settings, extra...)...)
		config := filepath.Join(dir, name+".yaml")
		if err := os.WriteFile(config, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			return running{}, err
		}
		stop, err := start(exec.Command(path, "serve", "--config", config))
		if err != nil {
			return running{}, err
		}
		r := running{url: fmt.Sprintf("http://127.0.0.1:%d/", ports[0]), stop: stop}
		r.status = r.url + "lb-status"
		return r, r.await(ctx, s.low)
	}}
}

// static is a peer over a static pool of s.high instances. config gets the port to
// listen on and the ports of the instances.
func static(name, program string, args func(file string) []string, config func(port int, instances []int) string) system {
	return system{name: name, start: func(ctx context.Context, dir string, s scenario) (r running, err error) {
		ports, err := freePorts(1 + s.high)
		if err != nil {
			return running{}, err
		}
		var stops []func()
		r.stop = func() {
			for _, stop := range stops {
				stop()
			}
		}
		defer func() {
			if err != nil {
				r.stop()
			}
		}()
		self, err := os.Executable()
		if err != nil {
			return r, err
		}
		for _, port := range ports[1:] {
			stop, err := start(exec.Command(self, s.slowAt(ports[1]).args(strconv.Itoa(port))...))
			if err != nil {
				return r, err
			}
			stops = append(stops, stop)
			if err := awaitURL(ctx, fmt.Sprintf("http://127.0.0.1:%d/health", port)); err != nil {
				return r, err
			}
		}
		file := filepath.Join(dir, name+".cfg")
		if err := os.WriteFile(file, []byte(config(ports[0], ports[1:])), 0o600); err != nil {
			return r, err
		}
		stop, err := start(exec.Command(program, args(file)...))
		if err != nil {
			return r, err
		}
		stops = append([]func(){stop}, stops...)
		r.url = fmt.Sprintf("http://127.0.0.1:%d/", ports[0])
		return r, awaitURL(ctx, r.url+"health")
	}}
}

// haproxy is HAProxy with leastconn, and with the given limit per server; 0: none.
func haproxy(name string, maxconn int) system {
	return static(name, "haproxy", func(file string) []string { return []string{"-db", "-f", file} }, func(port int, instances []int) string {
		var text strings.Builder
		fmt.Fprintf(&text, "defaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n timeout queue 10s\n maxconn 6000\nlisten it\n bind 127.0.0.1:%d\n balance leastconn\n http-reuse always\n", port)
		for _, i := range instances {
			fmt.Fprintf(&text, " server s%d 127.0.0.1:%d", i, i)
			if maxconn > 0 {
				fmt.Fprintf(&text, " maxconn %d", maxconn)
			}
			text.WriteByte('\n')
		}
		return text.String()
	})
}

// nginx is nginx with least_conn.
func nginx() system {
	return static("nginx", "nginx", func(file string) []string {
		return []string{"-g", "daemon off;", "-p", filepath.Dir(file), "-c", file}
	}, func(port int, instances []int) string {
		var text strings.Builder
		text.WriteString("worker_processes 1;\npid nginx.pid;\nerror_log stderr;\nevents { worker_connections 6000; }\nhttp { access_log off; upstream it { least_conn; keepalive 64;\n")
		for _, i := range instances {
			fmt.Fprintf(&text, "server 127.0.0.1:%d;\n", i)
		}
		fmt.Fprintf(&text, "}\nserver { listen 127.0.0.1:%d; location / { proxy_pass http://it; proxy_http_version 1.1; proxy_set_header Connection ''; } } }\n", port)
		return text.String()
	})
}

// start starts a child, and returns what stops it.
func start(cmd *exec.Cmd) (stop func(), err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(done)
	}()
	return func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(3 * time.Second):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-done
		}
	}, nil
}

// awaitURL waits until a URL answers 200.
func awaitURL(ctx context.Context, url string) error {
	deadline := time.Now().Add(15 * time.Second)
	for {
		response, err := http.Get(url)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("%s does not answer: %w", url, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// await waits until n instances are healthy.
func (r running) await(ctx context.Context, n int) error {
	deadline := time.Now().Add(15 * time.Second)
	for {
		if healthy, err := r.healthy(); err == nil && healthy >= n {
			return nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("%s: %d instances are not ready in 15 s", r.url, n)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// healthy returns how many instances may get requests.
func (r running) healthy() (int, error) {
	response, err := http.Get(r.status)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var status struct {
		Healthy int `json:"healthy"`
	}
	err = json.NewDecoder(response.Body).Decode(&status)
	return status.Healthy, err
}

// freePorts returns n consecutive free ports below those of outgoing connections.
func freePorts(n int) ([]int, error) {
	for base := 20000 + os.Getpid()%100*40; base < 32000; base += n {
		var ports []int
		for port := base; port < base+n; port++ {
			l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err != nil {
				break
			}
			_ = l.Close()
			ports = append(ports, port)
		}
		if len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports in a row", n)
}
