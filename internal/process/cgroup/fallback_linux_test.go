package cgroup_test

import (
	"os"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/cgroup"
	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/processtest"
)

// A child is started without a group when that cannot be made or entered.
func TestStartWithoutItsCgroup(t *testing.T) {
	plain := t.TempDir()
	for _, dir := range []string{plain, "/nonexistent"} {
		cgroup.SetDir(t, dir)
		line := processtest.NewLifeline(t)
		p, err := process.Start(process.Spec{
			Argv: processtest.Argv("setsid", "alive", line.Address()),
			Env:  processtest.Env("parent"),
			Mark: orphan.NewMark(t.Name()),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Kill(); <-p.Done() })
		grandchild := line.Accept()
		<-p.Done()
		if exit := p.Exit(); exit.Code != 7 {
			t.Errorf("exit = %+v, want status 7", exit)
		}
		grandchild.ExpectDeath(time.Second)
	}
	if entries, err := os.ReadDir(plain); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
