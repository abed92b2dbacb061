package explain_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/account"
	"github.com/dynlb/dynlb/internal/process/processtest"
)

func TestUserStartErrors(t *testing.T) {
	t.Parallel()
	nobody, err := account.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root starts programs as another user")
	}
	dir := processtest.OpenDir(t)
	for _, file := range []string{"closed/app", "app", "deep/script", "own/app"} {
		path := filepath.Join(dir, file)
		text := "#!/bin/sh\n"
		if file == "deep/script" {
			text = "#!" + dir + "/closed/app\n"
		}
		if err := processtest.WriteProgram(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(
		os.Chmod(dir+"/closed", 0o700), os.Chmod(dir+"/app", 0o710), os.Symlink(dir+"/closed", dir+"/link"),
		os.Chmod(dir+"/own", 0o700), os.Chown(dir+"/own", 65534, 65534),
	); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		spec process.Spec
		want string // DIR stands for dir; empty: it starts
	}{
		{process.Spec{Argv: []string{"/bin/true"}, Dir: dir + "/closed"}, "/bin/true: cannot start in DIR/closed: nobody may not enter DIR/closed; set workDir: to a folder for nobody, or chmod o+x DIR/closed"},
		{process.Spec{Argv: []string{"/bin/true"}, Dir: dir + "/link"}, "/bin/true: cannot start in DIR/link: nobody may not enter DIR/link; set workDir: to a folder for nobody, or chmod o+x DIR/link"},
		{process.Spec{Argv: []string{"app"}, Env: []string{"PATH=" + dir + "/closed"}}, "app: nobody may not run DIR/closed/app: it may not enter DIR/closed; install it for all users, or chmod o+x DIR/closed"},
		{process.Spec{Argv: []string{"./app"}, Dir: dir}, "./app: nobody may not run DIR/app; chmod o+rx DIR/app"},
		{process.Spec{Argv: []string{dir + "/deep/script"}}, "DIR/deep/script: nobody may not run DIR/closed/app: it may not enter DIR/closed; install it for all users, or chmod o+x DIR/closed"},
		{process.Spec{Argv: []string{dir + "/absent"}}, "DIR/absent: does not exist; create it, or set command in the config"},
		{process.Spec{Argv: []string{"app"}, Env: []string{"PATH=" + dir + "/closed:" + dir + ":" + dir + "/own"}}, ""},
	}
	for _, test := range tests {
		test.spec.User = nobody
		p, err := process.Start(test.spec)
		if test.want == "" {
			if err != nil {
				t.Errorf("Start(%q) = %v, want the program that the user may run", test.spec.Argv, err)
				continue
			}
			<-p.Done()
			continue
		}
		if want := strings.ReplaceAll(test.want, "DIR", dir); err == nil || err.Error() != want {
			t.Errorf("Start(%q)\n got %v\nwant %s", test.spec.Argv, err, want)
		}
	}
}
