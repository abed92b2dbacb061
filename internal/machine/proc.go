package machine

import (
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/stat: USER_HZ is 100 on all architectures that
// Go supports.
const tick = time.Second / 100

// memAvailable returns MemAvailable of /proc/meminfo, which proc_meminfo(5) defines as
// what new programs can use without swapping.
func (m *Machine) memAvailable() (uint64, bool) {
	n, ok := value(m.files, "proc/meminfo", "MemAvailable:")
	return n * 1024, ok
}

// processors returns the processors that this process may run on and how busy they were.
// The instances inherit the affinity.
func (m *Machine) processors() (Processors, bool) {
	out := Processors{Of: machineName}
	allowed, ok := m.allowed()
	for line := range lines(m.files, "proc/stat") {
		name, rest, _ := strings.Cut(line, " ")
		n, err := strconv.Atoi(strings.TrimPrefix(name, "cpu"))
		if err != nil || !strings.HasPrefix(name, "cpu") || ok && !allowed[n] {
			continue
		}
		// user nice system idle iowait irq softirq steal; what follows is part of user.
		for i, text := range strings.Fields(rest) {
			ticks, err := strconv.ParseInt(text, 10, 64)
			if i == 3 || i == 4 || i > 7 || err != nil {
				continue
			}
			out.Busy += time.Duration(ticks) * tick
		}
		out.Count++
	}
	return out, out.Count > 0
}

// allowed returns the numbers of the processors that this process may run on.
func (m *Machine) allowed() (map[int]bool, bool) {
	for line := range lines(m.files, "proc/self/status") {
		list, ok := strings.CutPrefix(line, "Cpus_allowed_list:")
		if !ok {
			continue
		}
		out := map[int]bool{}
		for part := range strings.SplitSeq(strings.TrimSpace(list), ",") {
			from, to, ranged := strings.Cut(part, "-")
			if !ranged {
				to = from
			}
			low, err := strconv.Atoi(from)
			high, errHigh := strconv.Atoi(to)
			if err != nil || errHigh != nil {
				return nil, false
			}
			for n := low; n <= high; n++ {
				out[n] = true
			}
		}
		return out, true
	}
	return nil, false
}

// waited returns the total of "some" in /proc/pressure/cpu.
func (m *Machine) waited() time.Duration {
	for line := range lines(m.files, "proc/pressure/cpu") {
		if !strings.HasPrefix(line, "some ") {
			continue
		}
		_, total, _ := strings.Cut(line, "total=")
		n, _ := strconv.ParseInt(total, 10, 64)
		return time.Duration(n) * time.Microsecond
	}
	return 0
}

// lines returns the lines of a file, none if it cannot be read.
func lines(files fs.FS, name string) func(yield func(string) bool) {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return func(func(string) bool) {}
	}
	return strings.SplitSeq(strings.TrimSuffix(string(data), "\n"), "\n")
}

// value returns the number that follows a name in a file of names and numbers.
func value(files fs.FS, name, key string) (uint64, bool) {
	for line := range lines(files, name) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != key {
			continue
		}
		n, err := strconv.ParseUint(f[1], 10, 64)
		return n, err == nil
	}
	return 0, false
}
