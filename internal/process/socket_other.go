//go:build !linux

package process

import "github.com/dynlb/dynlb/internal/process/procfs"

// OwnsSocket returns procfs.ErrUnsupported here.
func (p *Process) OwnsSocket(string) (owned bool, owner int, err error) {
	return false, 0, procfs.ErrUnsupported
}
