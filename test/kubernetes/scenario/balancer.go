package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// balancer is a running dynlb.
type balancer struct {
	cmd   *exec.Cmd
	url   string
	admin []string // the flags that name its control listener
	log   string
}

// ports are those of the balancers; the network is one of our own.
var nextPort = 42000

// start runs dynlb in front of the Deployment. settings are further lines of its config.
func (w *world) start(ctx context.Context, settings string) (*balancer, error) {
	return w.startAt(ctx, fmt.Sprintf("127.0.0.1:%d", nextPort+1), "", settings)
}

// startAt is start with the control listener, and further keys of fleet.kubernetes.
func (w *world) startAt(ctx context.Context, admin, kubernetes, settings string) (*balancer, error) {
	port := nextPort
	nextPort += 10
	path := filepath.Join(folder(), fmt.Sprintf("dynlb-%d", port))
	config := fmt.Sprintf(`listen: 127.0.0.1:%d
admin: %s
adminHTTP: 127.0.0.1:%d
stateDir: "off"
checkInterval: 1s
drainDelay: 0s
accessLog: {to: %s.access}
fleet:
  kubernetes: {deployment: app, namespace: %s, kubeconfig: %s%s}
%s
`, port, admin, port+2, path, w.namespace, w.kubeconfig(), kubernetes, settings)
	if err := os.WriteFile(path+".yaml", []byte(config), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(path + ".log")
	if err != nil {
		return nil, err
	}
	defer log.Close()
	b := &balancer{
		cmd: exec.Command(os.Getenv("DYNLB"), "serve", "--config", path+".yaml"), log: path + ".log",
		url: "http://127.0.0.1:" + strconv.Itoa(port), admin: []string{"--admin", admin},
	}
	b.cmd.Stdout, b.cmd.Stderr = log, log
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := b.cmd.Start(); err != nil {
		return nil, err
	}
	w.balancers = append(w.balancers, b)
	if !await(ctx, 20*time.Second, func() bool {
		res, err := http.Get(b.url + "/lb-status")
		if err == nil {
			_ = res.Body.Close()
		}
		return err == nil
	}) {
		return nil, fmt.Errorf("dynlb does not answer; see %s", b.log)
	}
	return b, nil
}

// do runs a command of dynlb, such as scale 3.
func (b *balancer) do(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, os.Getenv("DYNLB"), append(args, b.admin...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("dynlb %v: %w: %s", args, err, out)
	}
	return nil
}

func (b *balancer) kill() {
	if b.cmd.ProcessState == nil {
		_ = b.cmd.Process.Kill()
		_ = b.cmd.Wait()
	}
}
