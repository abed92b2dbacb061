package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func init() {
	roles["middle-nobody"] = roleMiddleNobody
	roles["whoami"] = roleWhoami
}

// roleMiddleNobody: like middle, for a role that nobody plays
func roleMiddleNobody(args []string) int {
	spec := roleSpec(args[0], args[1:]...)
	spec.User = mustUser("nobody")
	if _, err := Start(spec); err != nil {
		panic(err)
	}
	select {}
}

// roleWhoami: prints whom it runs as
func roleWhoami([]string) int {
	groups, err := os.Getgroups()
	if err != nil {
		panic(err)
	}
	slices.Sort(groups)
	fmt.Println(os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid(), groups)
	for _, name := range []string{"HOME", "USER", "LOGNAME"} {
		fmt.Println(name, os.Getenv(name))
	}
	return 0
}

func mustUser(name string) *User {
	u, err := LookupUser(name)
	if err != nil {
		panic(err)
	}
	return u
}

// openDir makes a folder that everybody may enter.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// nobodySpec describes a child that nobody plays, from a copy of the test program
// that nobody may execute. Where the tests do not run as root, it makes sure that
// such a child is refused, and returns false.
func nobodySpec(t *testing.T, role string, args ...string) (Spec, bool) {
	t.Helper()
	spec := roleSpec(role, args...)
	spec.User = mustUser("nobody")
	if os.Geteuid() != 0 && os.Geteuid() != int(spec.User.UID) {
		_, err := Start(spec)
		if want := "cannot run as nobody: dynlb is not root; start dynlb as root, or remove user:"; err == nil || !strings.HasSuffix(err.Error(), want) || !errors.Is(err, syscall.EPERM) {
			t.Errorf("Start = %v, want %s", err, want)
		}
		return spec, false
	}
	program, err := os.ReadFile(spec.Argv[0])
	if err != nil {
		t.Fatal(err)
	}
	spec.Argv[0] = filepath.Join(openDir(t), "test")
	if err := os.WriteFile(spec.Argv[0], program, 0o755); err != nil {
		t.Fatal(err)
	}
	return spec, true
}

func TestLookupUser(t *testing.T) {
	nobody := mustUser("nobody")
	if nobody.UID == 0 || nobody.GID == 0 || nobody.Name != "nobody" || nobody.Home == "" {
		t.Errorf("nobody = %+v", nobody)
	}
	number := strconv.Itoa(int(nobody.UID))
	if byNumber := mustUser(number); fmt.Sprint(byNumber) != fmt.Sprint(nobody) {
		t.Errorf("user %s = %+v, want %+v", number, byNumber, nobody)
	}
	for _, name := range []string{"nobody:0", "nobody:root"} {
		if u := mustUser(name); u.UID != nobody.UID || u.GID != 0 || slices.Contains(u.Groups, nobody.GID) {
			t.Errorf("%s = %+v, want nobody with group 0 instead of %d", name, u, nobody.GID)
		}
	}
	if u := mustUser("4294967:12"); u.UID != 4294967 || u.GID != 12 || u.Home != "/" || u.Name != "4294967" || len(u.Groups) != 0 {
		t.Errorf("user without an entry = %+v", u)
	}
	for name, want := range map[string]string{
		"no-such-user":        `look up user: there is no user "no-such-user"`,
		"nobody:no-such":      `look up user: there is no group "no-such"`,
		"4294967":             "look up user: 4294967 has no entry, and so no group; write 4294967:GROUP",
		"":                    `look up user "": write user or user:group`,
		"nobody:":             `look up user "nobody:": write user or user:group`,
		":root":               `look up user ":root": write user or user:group`,
		"-1":                  `look up user: there is no user "-1"`,
		"4294967295:4294967":  `look up user: there is no user "4294967295"`,
		"4294967:4294967295":  `look up user: there is no group "4294967295"`,
		"99999999999:0":       `look up user: there is no user "99999999999"`,
		"4294967:99999999999": `look up user: there is no group "99999999999"`,
	} {
		if u, err := LookupUser(name); err == nil || err.Error() != want {
			t.Errorf("LookupUser(%q) = %+v, %v, want %s", name, u, err, want)
		}
	}
}

func TestChildRunsAsItsUser(t *testing.T) {
	spec, ok := nobodySpec(t, "whoami")
	if !ok {
		return
	}
	// What dynlb's own environment says is not the user's; what differs stays.
	t.Setenv("HOME", "/dynlb")
	t.Setenv("USER", "dynlb")
	spec.Env = append(spec.Env, "HOME=/dynlb", "USER=chosen", "LOGNAME=")
	spec.User.Groups = append(spec.User.Groups, 12)
	if os.Geteuid() != 0 {
		spec.User.Groups = nil // those that it has are kept
	}
	got := await(t, start(t, spec)).Output
	u := spec.User
	want := []string{"HOME " + u.Home, "USER chosen", "LOGNAME nobody"}
	if len(got) != 4 || !slices.Equal(got[1:], want) {
		t.Errorf("environment = %q, want %q", got, want)
	}
	ids := fmt.Sprint(u.UID, u.UID, u.GID, u.GID)
	if os.Geteuid() == 0 {
		slices.Sort(u.Groups)
		ids += fmt.Sprint(" ", u.Groups)
	}
	if len(got) == 0 || !strings.HasPrefix(got[0], ids) {
		t.Errorf("ids = %q, want %s", got, ids)
	}
}

// The credential change would clear a parent-death signal set before it.
func TestChildOfAnotherUserDiesWithItsKilledParent(t *testing.T) {
	line := newLifeline(t)
	spec, ok := nobodySpec(t, "middle-nobody", "ignore-term", line.address())
	if !ok {
		return
	}
	middle := &exec.Cmd{Path: spec.Argv[0], Args: spec.Argv, Env: spec.Env, Stderr: os.Stderr}
	if err := middle.Start(); err != nil {
		t.Fatal(err)
	}
	child := line.accept()
	if err := middle.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.expectDeath(time.Second)
	_ = middle.Wait()
}

// All that reaches a child of dynlb's own user reaches another's too.
func TestChildOfAnotherUserIsStoppedAndFound(t *testing.T) {
	line := newLifeline(t)
	spec, ok := nobodySpec(t, "ignore-term", line.address())
	if !ok {
		return
	}
	spec.Mark = NewMark(t.Name())
	p := start(t, spec)
	child := line.accept()
	if !marked(child.pid, spec.Mark.covers, nil) {
		t.Errorf("process %d does not bear its mark", child.pid)
	}
	if u := usage(t, p); u.Memory == 0 {
		t.Errorf("usage = %+v, want some memory", u)
	}
	if exit := p.Stop(t.Context(), 20*time.Millisecond); exit.Signal != syscall.SIGKILL {
		t.Errorf("exit = %+v, want killed", exit)
	}
	child.expectDeath(time.Second)

	p = start(t, spec)
	child = line.accept()
	if killed, err := KillMarked(spec.Mark, patience); killed != 1 || err != nil {
		t.Errorf("killed %d, %v, want one", killed, err)
	}
	child.expectDeath(patience)
	await(t, p)
}

func TestUserStartErrors(t *testing.T) {
	if _, ok := nobodySpec(t, "exit", "0"); !ok || os.Geteuid() != 0 {
		return
	}
	dir := openDir(t)
	for _, file := range []string{"closed/app", "app", "deep/script", "own/app"} {
		path := filepath.Join(dir, file)
		text := "#!/bin/sh\n"
		if file == "deep/script" {
			text = "#!" + dir + "/closed/app\n"
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(
		os.Chmod(dir+"/closed", 0o700), os.Chmod(dir+"/app", 0o710), os.Symlink(dir+"/closed", dir+"/link"),
		os.Chmod(dir+"/own", 0o700), os.Chown(dir+"/own", 65534, 65534),
	); err != nil {
		t.Fatal(err)
	}
	nobody := mustUser("nobody")
	tests := []struct {
		spec Spec
		want string // DIR stands for dir; empty: it starts
	}{
		{Spec{Argv: []string{"/bin/true"}, Dir: dir + "/closed"}, "/bin/true: cannot start in DIR/closed: nobody may not enter DIR/closed; set workDir: to a folder for nobody, or chmod o+x DIR/closed"},
		{Spec{Argv: []string{"/bin/true"}, Dir: dir + "/link"}, "/bin/true: cannot start in DIR/link: nobody may not enter DIR/link; set workDir: to a folder for nobody, or chmod o+x DIR/link"},
		{Spec{Argv: []string{"app"}, Env: []string{"PATH=" + dir + "/closed"}}, "app: nobody may not run DIR/closed/app: not let into DIR/closed; install it for all users, or chmod o+x DIR/closed"},
		{Spec{Argv: []string{"./app"}, Dir: dir}, "./app: nobody may not run DIR/app; chmod o+rx DIR/app"},
		{Spec{Argv: []string{dir + "/deep/script"}}, "DIR/deep/script: nobody may not run DIR/closed/app: not let into DIR/closed; install it for all users, or chmod o+x DIR/closed"},
		{Spec{Argv: []string{dir + "/absent"}}, "DIR/absent: does not exist; create it, or set command:"},
		{Spec{Argv: []string{"app"}, Env: []string{"PATH=" + dir + "/closed:" + dir + ":" + dir + "/own"}}, ""},
	}
	for _, test := range tests {
		test.spec.User = nobody
		p, err := Start(test.spec)
		if test.want == "" {
			if err != nil {
				t.Errorf("Start(%q) = %v, want the program that nobody may run", test.spec.Argv, err)
				continue
			}
			await(t, p)
			continue
		}
		if want := strings.ReplaceAll(test.want, "DIR", dir); err == nil || err.Error() != want {
			t.Errorf("Start(%q)\n got %v\nwant %s", test.spec.Argv, err, want)
		}
	}
}

func TestMayExecute(t *testing.T) {
	dir := t.TempDir()
	info := func(mode fs.FileMode) fs.FileInfo {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		i, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	stat := info(0o700).Sys().(*syscall.Stat_t)
	for _, test := range []struct {
		user User
		mode fs.FileMode
		want bool
	}{
		{User{UID: stat.Uid + 1, GID: stat.Gid + 1}, 0o701, true},
		{User{UID: stat.Uid + 1, GID: stat.Gid + 1}, 0o770, false},
		{User{UID: stat.Uid + 1, GID: stat.Gid}, 0o710, true},
		{User{UID: stat.Uid + 1, GID: stat.Gid}, 0o701, false},
		{User{UID: stat.Uid + 1, GID: stat.Gid + 1, Groups: []uint32{stat.Gid}}, 0o710, true},
		{User{UID: 0}, 0o700, true},
	} {
		if got := test.user.mayExecute(info(test.mode)); got != test.want {
			t.Errorf("%+v may enter a folder of mode %v: %v, want %v", test.user, test.mode, got, test.want)
		}
	}
}
