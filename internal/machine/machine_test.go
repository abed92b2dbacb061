package machine

import (
	"reflect"
	"runtime"
	"testing"
	"testing/fstest"
	"time"
)

// proc are the files of a machine with four processors, of which dynlb may use three.
var proc = map[string]string{
	"proc/meminfo":      "MemTotal: 8000 kB\nMemFree: 10 kB\nMemAvailable:    4000 kB\n",
	"proc/stat":         "cpu  9 9 9 9\ncpu0 100 10 20 5000 30 1 2 3 7 7\ncpu1 1 0 0 0 0 0 0 0 0 0\ncpu2 1000 0 0 0 0 0 0 0 0 0\ncpu3 1 0 0 0 0 0 0 0 0 0\nintr 5\n",
	"proc/self/status":  "Name:\tdynlb\nCpus_allowed:\tb\nCpus_allowed_list:\t0-1,3\n",
	"proc/pressure/cpu": "some avg10=8.74 avg60=41.33 avg300=47.85 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
}

// whole is what those files say.
var whole = Reading{
	Memory:     []Memory{{"machine", 4000 << 10}},
	Processors: []Processors{{"machine", 3, 1380 * time.Millisecond}},
	Waited:     2500 * time.Millisecond,
}

func machineOf(files map[string]string) *Machine {
	all := fstest.MapFS{}
	for _, m := range []map[string]string{proc, files} {
		for name, text := range m {
			all[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return newMachine(all)
}

func TestRead(t *testing.T) {
	t.Parallel()
	const v2 = "0::/a/b\n"
	const v2Mount = "30 20 0:25 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
	for name, c := range map[string]struct {
		files      map[string]string
		memory     []Memory
		processors []Processors
	}{
		"no cgroups": {},
		"version 2, no limits": {files: map[string]string{
			"proc/self/cgroup": v2, "proc/self/mountinfo": v2Mount,
			"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/b/memory.current": "5\n",
			"sys/fs/cgroup/a/b/cpu.max": "max 100000\n", "sys/fs/cgroup/a/b/cpu.stat": "usage_usec 5\n",
		}},
		"version 2, limits of both groups": {files: map[string]string{
			"proc/self/cgroup": v2, "proc/self/mountinfo": v2Mount,
			"sys/fs/cgroup/a/b/memory.max": "1000\n", "sys/fs/cgroup/a/b/memory.current": "900\n",
			"sys/fs/cgroup/a/b/memory.stat": "anon 100\ninactive_file 300\nactive_file 50\n",
			"sys/fs/cgroup/a/memory.max":    "2000\n", "sys/fs/cgroup/a/memory.current": "2500\n",
			"sys/fs/cgroup/a/cpu.max": "150000 100000\n", "sys/fs/cgroup/a/cpu.stat": "usage_usec 7000000\nuser_usec 1\n",
		}, memory: []Memory{{"/sys/fs/cgroup/a/b", 400}, {"/sys/fs/cgroup/a", 0}}, processors: []Processors{{"/sys/fs/cgroup/a", 1.5, 7 * time.Second}}},
		"version 2, a part of the tree is mounted": {files: map[string]string{
			"proc/self/cgroup": "0::/docker/x/inner\n", "proc/self/mountinfo": "30 20 0:25 /docker/x /cg rw - cgroup2 none rw\n",
			"cg/inner/memory.max": "100\n", "cg/inner/memory.current": "10\n", "cg/memory.max": "50\n", "cg/memory.current": "20\n",
		}, memory: []Memory{{"/cg/inner", 90}, {"/cg", 30}}},
		"version 2, outside of what is mounted": {files: map[string]string{
			"proc/self/cgroup": "0::/../other\n", "proc/self/mountinfo": v2Mount,
			"sys/fs/cgroup/memory.max": "100\n", "sys/fs/cgroup/memory.current": "10\n",
		}, memory: []Memory{{"/sys/fs/cgroup", 90}}},
		"version 1": {files: map[string]string{
			"proc/self/cgroup": "9:name=systemd:/\n4:memory:/m\n2:cpu,cpuacct:/c\n0::/\n",
			"proc/self/mountinfo": "1 2 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
				"1 2 0:2 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n",
			"sys/fs/cgroup/memory/m/memory.limit_in_bytes": "1000\n", "sys/fs/cgroup/memory/m/memory.usage_in_bytes": "700\n",
			"sys/fs/cgroup/memory/m/memory.stat":         "inactive_file 1\ntotal_inactive_file 200\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n", "sys/fs/cgroup/memory/memory.usage_in_bytes": "7\n",
			"sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us": "50000\n", "sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_period_us": "100000\n",
			"sys/fs/cgroup/cpu,cpuacct/c/cpuacct.usage":  "3000000000\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
			"sys/fs/cgroup/cpu,cpuacct/cpuacct.usage": "4\n",
		}, memory: []Memory{{"/sys/fs/cgroup/memory/m", 500}}, processors: []Processors{{"/sys/fs/cgroup/cpu,cpuacct/c", 0.5, 3 * time.Second}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := whole
			want.Memory = append(want.Memory[:1:1], c.memory...)
			want.Processors = append(want.Processors[:1:1], c.processors...)
			if got := machineOf(c.files).Read(); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestReadNothing: without the files of Linux, and with files that are broken, a reading
// says nothing.
func TestReadNothing(t *testing.T) {
	t.Parallel()
	broken := fstest.MapFS{}
	for name := range proc {
		broken[name] = &fstest.MapFile{Data: []byte("cpu0\nMemAvailable:\nsome \nCpus_allowed_list: x-y\n")}
	}
	for name, m := range map[string]*Machine{"zero": {}, "no files": newMachine(fstest.MapFS{}), "broken": newMachine(broken)} {
		if got := m.Read(); len(got.Memory) > 0 || got.Waited != 0 || len(got.Processors) > 0 && got.Processors[0].Busy != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestReadHere reads the machine that the test runs on while it is busy.
func TestReadHere(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the files are those of Linux")
	}
	t.Parallel()
	m := New()
	before := m.Read()
	if len(before.Memory) == 0 || len(before.Processors) == 0 {
		t.Fatalf("%+v", before)
	}
	if n := before.Processors[0].Count; int(n) != runtime.NumCPU() {
		t.Errorf("%v processors, want the %d of this process", n, runtime.NumCPU())
	}
	for start := time.Now(); time.Since(start) < 200*time.Millisecond; {
	}
	after := m.Read()
	if used := after.Processors[0].Busy - before.Processors[0].Busy; used < 50*time.Millisecond {
		t.Errorf("%v of processor time were used in 200 ms of work", used)
	}
	for _, a := range after.Memory {
		if a.Available > noLimit {
			t.Errorf("%+v is not a limit", a)
		}
	}
	t.Logf("%+v", after)
}

func BenchmarkRead(b *testing.B) {
	m := New()
	for b.Loop() {
		m.Read()
	}
}
