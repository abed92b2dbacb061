package cgroup

import (
	"io/fs"
	"syscall"
	"testing"
)

func TestContainment(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		h    hierarchy
		want string
	}{
		{hierarchy{}, "cgroup v2 (cgroup.kill)"},
		{hierarchy{noKill: true}, "cgroup v2 (signals)"},
		{hierarchy{problem: "cgroup2 is not writable"}, "process group and environment mark: cgroup2 is not writable"},
	} {
		if got := test.h.String(); got != test.want {
			t.Errorf("%#v is %q, want %q", test.h, got, test.want)
		}
	}
	t.Log("here:", Containment())
}

func TestCgroupDir(t *testing.T) {
	t.Parallel()
	const (
		pure   = "26 25 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		hybrid = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
			"35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" +
			"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		legacy = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		inside = "26 25 0:23 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup ro\n"
		odd    = "26 25 0:23 / /a\\040b rw - cgroup2 cgroup2 rw\n"
		above  = "26 25 0:23 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
	)
	for _, test := range []struct{ mounts, membership, want string }{
		{pure, "0::/system.slice/dynlb.service\n", "/sys/fs/cgroup/system.slice/dynlb.service"},
		{pure, "0::/\n", "/sys/fs/cgroup"},
		{hybrid, "4:memory:/app\n0::/user.slice\n", "/sys/fs/cgroup/unified/user.slice"},
		{inside, "0::/docker/abc/init\n", "/sys/fs/cgroup/init"},
		{inside + odd, "0::/system.slice\n", "/a b/system.slice"},
		{inside, "0::/docker/abcd\n", ""},
		{pure, "0::/../outside\n", ""},
		{above, "0::/\n", ""},
		{legacy, "0::/\n", ""},
		{pure, "4:memory:/app\n", ""},
		{"", "", ""},
		{"odd - cgroup2\n", "0::/\n", ""},
	} {
		got, err := cgroupDir(test.mounts, test.membership)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("cgroupDir(%q, %q) = %q, %v, want %q", test.mounts, test.membership, got, err, test.want)
		}
	}
}

func TestExplainProblem(t *testing.T) {
	t.Parallel()
	for errno, want := range map[syscall.Errno]string{
		syscall.EACCES: "cgroup2 is not writable",
		syscall.EROFS:  "cgroup2 is not writable",
		syscall.ENOENT: "cgroup2: no such file or directory",
	} {
		if got := explainProblem(&fs.PathError{Op: "open", Path: "/x", Err: errno}).Error(); got != want {
			t.Errorf("%v: %q, want %q", errno, got, want)
		}
	}
}
