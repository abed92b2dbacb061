package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// brokenImage is that of a container which cannot be started.
const brokenImage = "broken"

type end int

const (
	endExited end = iota
	endTerminated
	endKilled
)

// start runs the program of the pod's container in its network namespace. The channel gets its
// exit code.
func (p *pod) start(sandbox int) (cmd *exec.Cmd, exited chan int, err error) {
	spec := &p.obj.Spec.Containers[0]
	argv := append([]string{"-t", strconv.Itoa(sandbox), "-n", "--"}, append(append([]string{}, spec.Command...), spec.Args...)...)
	if spec.Image == brokenImage {
		return nil, nil, errors.New("image cannot be pulled")
	}
	cmd = exec.Command("nsenter", argv...)
	cmd.Env = append(os.Environ(), "POD_NAME="+p.obj.Name, "POD_IP="+p.address)
	for _, e := range spec.Env {
		cmd.Env = append(cmd.Env, e.Name+"="+e.Value)
	}
	if p.k.logs != "" {
		if f, err := os.OpenFile(filepath.Join(p.k.logs, p.obj.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err == nil {
			defer f.Close()
			cmd.Stdout, cmd.Stderr = f, f
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	exited = make(chan int, 1)
	go func() {
		_ = cmd.Wait()
		exited <- cmd.ProcessState.ExitCode()
	}()
	return cmd, exited, nil
}

// container runs the pod's container once.
func (p *pod) container(ctx context.Context, sandbox int) (code int, why end) {
	spec := p.obj.Spec.Containers[0]
	cmd, exited, err := p.start(sandbox)
	if err != nil {
		p.k.log.Error("start", "pod", p.obj.Name, "err", err)
		select {
		case <-p.stop:
			return 127, endTerminated
		default:
			return 127, endExited
		}
	}
	signal := func(s syscall.Signal) { _ = syscall.Kill(-cmd.Process.Pid, s) }
	probes := &prober{spec: spec.ReadinessProbe, state: &corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}}
	p.ready = spec.ReadinessProbe == nil
	p.report(ctx, corev1.PodRunning, probes.state)
	ticker := p.probeTicker()
	defer ticker.Stop()
	first := time.After(probes.delay()) // the real one probes soon after the start, too
	begun, terminating := false, false
	var deadline <-chan time.Time
	hooked := make(chan struct{})
	for {
		select {
		case code := <-exited:
			p.ready = false
			if terminating {
				return code, endTerminated
			}
			return code, endExited
		case <-p.dead:
			signal(syscall.SIGKILL)
			<-exited
			return -1, endKilled
		case grace := <-p.stop:
			deadline = time.After(grace)
			if terminating {
				continue
			}
			terminating = true
			go func() { p.preStop(ctx, spec, sandbox, grace); close(hooked) }()
		case <-hooked:
			hooked = nil
			signal(syscall.SIGTERM)
		case <-deadline:
			signal(syscall.SIGKILL)
		case <-first:
			begun = true
			probes.look(ctx, p)
		case <-ticker.C:
			if begun {
				probes.look(ctx, p)
			}
		}
	}
}

// prober counts the results of a readiness probe.
type prober struct {
	spec      *corev1.Probe // nil: there is none
	state     *corev1.ContainerState
	good, bad int32
}

func (r *prober) delay() time.Duration {
	if r.spec == nil {
		return 0
	}
	return time.Duration(r.spec.InitialDelaySeconds) * time.Second
}

// look probes once, and reports a change.
func (r *prober) look(ctx context.Context, p *pod) {
	if r.spec == nil {
		return
	}
	if p.probe(r.spec) {
		r.good, r.bad = r.good+1, 0
	} else {
		r.good, r.bad = 0, r.bad+1
	}
	was := p.ready
	if !p.ready && r.good >= max(1, r.spec.SuccessThreshold) {
		p.ready = true
	}
	if p.ready && r.bad >= max(1, r.spec.FailureThreshold) {
		p.ready = false
	}
	if p.ready != was {
		p.report(ctx, corev1.PodRunning, r.state)
	}
}

// probeTicker ticks with the probe's period, or every so many milliseconds as the annotation "probe-ms" says.
func (p *pod) probeTicker() *time.Ticker {
	period := 10 * time.Second
	if r := p.obj.Spec.Containers[0].ReadinessProbe; r != nil && r.PeriodSeconds > 0 {
		period = time.Duration(r.PeriodSeconds) * time.Second
	}
	if ms, err := strconv.Atoi(p.obj.Annotations["probe-ms"]); err == nil {
		period = time.Duration(ms) * time.Millisecond
	}
	return time.NewTicker(period)
}

func (p *pod) probe(probe *corev1.Probe) bool {
	if probe.HTTPGet == nil {
		return true
	}
	client := http.Client{
		Timeout:   time.Duration(max(1, probe.TimeoutSeconds)) * time.Second,
		Transport: &http.Transport{DisableKeepAlives: true},
	}
	res, err := client.Get(fmt.Sprintf("http://%s:%d%s", p.address, probe.HTTPGet.Port.IntValue(), probe.HTTPGet.Path))
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 10<<10))
	_ = res.Body.Close()
	return res.StatusCode >= 200 && res.StatusCode < 400
}

func (p *pod) preStop(ctx context.Context, spec corev1.Container, sandbox int, grace time.Duration) {
	if spec.Lifecycle == nil || spec.Lifecycle.PreStop == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	switch hook := spec.Lifecycle.PreStop; {
	case hook.Sleep != nil:
		select {
		case <-time.After(time.Duration(hook.Sleep.Seconds) * time.Second):
		case <-ctx.Done():
		}
	case hook.Exec != nil:
		argv := append([]string{"-t", strconv.Itoa(sandbox), "-n", "--"}, hook.Exec.Command...)
		_ = exec.CommandContext(ctx, "nsenter", argv...).Run()
	case hook.HTTPGet != nil:
		req, _ := http.NewRequestWithContext(ctx, "GET",
			fmt.Sprintf("http://%s:%d%s", p.address, hook.HTTPGet.Port.IntValue(), hook.HTTPGet.Path), nil)
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
		}
	}
}
