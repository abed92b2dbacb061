// Package machine reads what the machine has left for more instances: memory and
// processors, by its own figures and by the limits of the control groups (cgroups) that
// dynlb is in.
//
// It keeps no state. Processor time is read as what has been used so far, and the caller
// compares two readings: the averages that the kernel offers lag by several seconds.
package machine

import (
	"io/fs"
	"os"
	"time"
)

// Reading is the state of the machine at one moment.
type Reading struct {
	// Memory has the limits of memory, and Processors those of processor time. They are
	// empty when nothing is known.
	Memory     []Memory
	Processors []Processors
	// Waited is for how long some process has waited for a processor, averaged over the
	// processors, since the machine was started ("some" in /proc/pressure/cpu). Zero
	// when the kernel does not tell.
	Waited time.Duration
}

// Memory is a limit of memory.
type Memory struct {
	// Of is what has the limit: "machine", or the path of a cgroup.
	Of string
	// Available is how many bytes more can be used without swapping.
	Available uint64
}

// Processors is a limit of processor time.
type Processors struct {
	// Of is what has the limit: "machine", or the path of a cgroup.
	Of string
	// Count is how many processors may be used; a cgroup may have a part of one.
	Count float64
	// Busy is the processor time that was used so far by all that share the limit.
	Busy time.Duration
}

// machineName is what the limits of the machine itself are called.
const machineName = "machine"

// Machine reads the files of the kernel. The zero value reads nothing; see New. It is
// safe for concurrent use.
type Machine struct {
	files  fs.FS // the root folder
	groups []group
}

// New returns the machine that dynlb runs on. On systems other than Linux, and where
// files are missing, its readings are empty.
func New() *Machine { return newMachine(os.DirFS("/")) }

func newMachine(files fs.FS) *Machine { return &Machine{files: files, groups: findGroups(files)} }

// Read reads the present state: a few files, in up to 0.5 ms (BenchmarkRead).
func (m *Machine) Read() Reading {
	if m.files == nil {
		return Reading{}
	}
	var out Reading
	if available, ok := m.memAvailable(); ok {
		out.Memory = append(out.Memory, Memory{machineName, available})
	}
	if all, ok := m.processors(); ok {
		out.Processors = append(out.Processors, all)
	}
	for _, g := range m.groups {
		if available, ok := g.memory(m.files); ok {
			out.Memory = append(out.Memory, Memory{g.path, available})
		}
		if quota, ok := g.processors(m.files); ok {
			out.Processors = append(out.Processors, quota)
		}
	}
	out.Waited = m.waited()
	return out
}
