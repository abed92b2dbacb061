package daemontest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/runs"
)

// Program is `dynlb serve` in a process of its own, the binary of the test.
type Program struct {
	t   testing.TB
	run string // the folder of its record

	Cmd    *exec.Cmd
	Config string // path of the config
	Admin  string // host:port of the gRPC listener
	Client dynlbv1.ControlClient
	Log    *Buffer
}

// StartProgram starts one with a config, and a folder for the record of its run, until the
// test ends.
func StartProgram(t testing.TB, run, yaml string) *Program {
	t.Helper()
	p := &Program{t: t, run: run, Config: filepath.Join(t.TempDir(), "config.yaml"), Admin: FreeAddress(t), Log: &Buffer{}}
	text := Complete(yaml+"admin: "+p.Admin+"\n", PortRange(t))
	if err := os.WriteFile(p.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Client = Dial(t, p.Admin)
	p.Start()
	return p
}

// Start starts it, also again after an end.
func (p *Program) Start() {
	p.t.Helper()
	p.Cmd = exec.Command(os.Args[0], "serve", "--config", p.Config)
	p.Cmd.Env = append(os.Environ(), "RUNTIME_DIRECTORY="+p.run)
	p.Cmd.Stdout, p.Cmd.Stderr = p.Log, p.Log
	if err := p.Cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	cmd := p.Cmd
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill() // its guard ends the instances
		_ = cmd.Wait()
		if p.t.Failed() {
			p.t.Logf("log of dynlb:\n%s", p.Log.String())
		}
	})
	Eventually(p.t, "the record of the run", func() bool {
		return strings.Contains(p.Log.String(), "serving") && len(runs.List([]string{p.run})) == 1
	})
}
