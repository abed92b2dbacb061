package systemd

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// unit returns a unit whose words have what systemd reads in its own way.
func unit() *Unit {
	return &Unit{
		Name: "dynlb", Program: "/bin/true", Config: "/tmp/50 %/$app/config.yaml", WorkDir: "/tmp",
		User: "daemon", Path: `/home/a "b"/bin:/usr/bin`, Stop: 35500 * time.Millisecond,
	}
}

// TestService: the words of a unit file mean what they say, and the times are those of
// the config.
func TestService(t *testing.T) {
	t.Parallel()
	text := unit().Service()
	for _, want := range []string{
		"Type=notify\n",
		`ExecStart=/bin/true serve --config "/tmp/50 %%/$$app/config.yaml"` + "\n",
		"User=daemon\n",
		`Environment="PATH=/home/a \"b\"/bin:/usr/bin"` + "\n",
		"TimeoutStopSec=46\n",
		"KillMode=mixed\n",
		"CapabilityBoundingSet=\n",
		"WantedBy=multi-user.target\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if strings.Contains(text, "PrivateTmp") {
		t.Errorf("PrivateTmp hides the config in /tmp:\n%s", text)
	}
	low, root, own := unit(), unit(), unit()
	root.Config, root.WorkDir = "/srv/config.yaml", "/srv"
	low.LowPorts, root.User, own.User = true, "root", ""
	for _, test := range []struct {
		unit    *Unit
		has     string
		without string
	}{
		{low, "AmbientCapabilities=CAP_NET_BIND_SERVICE\n", "CapabilityBoundingSet=\n"},
		{root, "User=root\n", "NoNewPrivileges"}, // instances may have another user
		{root, "PrivateTmp=yes\n", "AmbientCapabilities"},
		{own, "WantedBy=default.target\n", "User="},
	} {
		if text := test.unit.Service(); !strings.Contains(text, test.has) || strings.Contains(text, test.without) {
			t.Errorf("without %q or with %q:\n%s", test.has, test.without, text)
		}
	}
}

// TestVerify: systemd itself accepts the units.
func TestVerify(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatalf("systemd-analyze is missing: apt-get install systemd: %v", err)
	}
	folder := t.TempDir()
	for name, user := range map[string]string{"machine": "daemon", "own": "", "root": "root"} {
		u := unit()
		u.Name, u.User, u.Path, u.Sockets = "dynlb-"+name, user, "/usr/bin", []string{":4000", "127.0.0.1:4001", "[::1]:4002"}
		var files []string
		for file, text := range map[string]string{u.Name + ".service": u.Service(), u.Name + ".socket": u.Socket()} {
			path := filepath.Join(folder, file)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			files = append(files, path)
		}
		out, err := exec.Command(analyze, append([]string{"verify", "--man=no"}, files...)...).CombinedOutput()
		if err != nil || strings.Contains(string(out), u.Name) {
			t.Errorf("%s: %v\n%s\n%s", u.Name, err, out, u.Service())
		}
	}
}

// TestInstall: the files are written, systemd is called in order, another's file is
// neither overwritten nor removed, and Remove leaves nothing.
func TestInstall(t *testing.T) {
	t.Parallel()
	var calls []string
	m := &Manager{Folder: filepath.Join(t.TempDir(), "units"), Run: func(_ context.Context, args ...string) (string, error) {
		calls = append(calls, strings.Join(args, " "))
		return "", nil
	}}
	u := unit()
	u.Sockets = []string{":4000"}
	if err := m.Install(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"--version", "daemon-reload", "enable dynlb.service", "enable dynlb.socket", "stop dynlb.service",
		"restart dynlb.socket", "restart dynlb.service",
	}
	if !slices.Equal(calls, want) {
		t.Errorf("calls %q, want %q", calls, want)
	}
	service, socket := filepath.Join(m.Folder, "dynlb.service"), filepath.Join(m.Folder, "dynlb.socket")
	if text, err := os.ReadFile(socket); err != nil || !strings.Contains(string(text), "ListenStream=4000\n") {
		t.Errorf("socket: %v\n%s", err, text)
	}
	u.Sockets, calls = nil, nil // a later install without sockets takes them away, before dynlb listens itself
	if err := m.Install(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	want = []string{"--version", "disable --now dynlb.socket", "daemon-reload", "enable dynlb.service", "restart dynlb.service"}
	if !slices.Equal(calls, want) {
		t.Errorf("calls %q, want %q", calls, want)
	}
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket file is left: %v", err)
	}
	if err := m.Remove(t.Context(), "dynlb"); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(m.Folder); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if err := m.Remove(t.Context(), "dynlb"); err == nil || !strings.Contains(err.Error(), "there is no service dynlb") {
		t.Errorf("second removal: %v", err)
	}
	if err := os.WriteFile(service, []byte("[Unit]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{m.Install(t.Context(), u), m.Remove(t.Context(), "dynlb")} {
		if err == nil || !strings.Contains(err.Error(), "was not written by dynlb") {
			t.Errorf("a file of others: %v", err)
		}
	}
}

// TestInstallFails: the error of a service that does not start has its log, or says what
// to do, and a name that could leave the folder is refused.
func TestInstallFails(t *testing.T) {
	t.Parallel()
	log := "listen: address already in use\n"
	m := &Manager{Folder: t.TempDir(), Run: func(_ context.Context, args ...string) (string, error) {
		switch args[0] {
		case "restart":
			return "", errors.New("exit status 1")
		case "status":
			return log, nil
		}
		return "", nil
	}}
	err := m.Install(t.Context(), unit())
	if err == nil || !strings.HasSuffix(err.Error(), "exit status 1\nlisten: address already in use") {
		t.Errorf("got %v", err)
	}
	log = "Main PID: 7 (code=exited, status=203/EXEC)"
	if err := m.Install(t.Context(), unit()); err == nil || !strings.Contains(err.Error(), "daemon, cannot run /bin/true: put it where") {
		t.Errorf("a program that the account cannot reach: %v", err)
	}
	for _, name := range []string{"", "../x", "a/b", ".", "a b"} {
		u := unit()
		u.Name = name
		if err := m.Install(t.Context(), u); err == nil {
			t.Errorf("the name %q is accepted", name)
		}
	}
}
