package process

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

// TestOwnsSocket: the kernel says which process listens on a socket. One that is the
// child, or descends from it, counts; one outside does not.
func TestOwnsSocket(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mark orphan.Mark
		args []string
	}{
		"itself":                   {"", []string{"listen"}},
		"a child in its group":     {"", []string{"parent", "wait", "listen"}},
		"a child in its own group": {"", []string{"parent", "setpgid", "listen"}},
		"a child in its cgroup":    {orphan.NewMark(t.Name()), []string{"parent", "wait", "listen"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "s")
			listens := make(chan string, 1)
			spec := roleSpec(test.args[0], append(test.args[1:], "unix:"+path)...)
			spec.Mark = test.mark
			spec.Output = func(line Line) error { listens <- line.Text; return nil }
			p := start(t, spec)
			<-listens
			if owned, owner, err := p.OwnsSocket(path); err != nil || !owned {
				t.Errorf("OwnsSocket = %v, %d, %v, want it owned", owned, owner, err)
			}
			other := filepath.Join(t.TempDir(), "s")
			if owned, _, err := p.OwnsSocket(other); owned || !errors.Is(err, procfs.ErrUnsupported) {
				t.Errorf("OwnsSocket of a missing socket = %v, %v, want %v", owned, err, procfs.ErrUnsupported)
			}
			l, err := net.Listen("unix", other)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if owned, owner, err := p.OwnsSocket(other); err != nil || owned || owner != os.Getpid() {
				t.Errorf("OwnsSocket of a socket of process %d = %v, %d, %v", os.Getpid(), owned, owner, err)
			}
			if err := p.Kill(); err != nil {
				t.Fatal(err)
			}
			await(t, p)
			if _, _, err := p.OwnsSocket(path); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("OwnsSocket after the end: %v, want %v", err, os.ErrProcessDone)
			}
		})
	}
}
