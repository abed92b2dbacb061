package systemd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Manager is an instance of systemd: that of the machine, or that of a user.
type Manager struct {
	Folder string    // of the unit files
	User   bool      // whether it is that of the user that runs dynlb
	Run    Systemctl // [RunSystemctl] but for tests
}

// Systemctl runs systemctl with arguments and returns what it prints.
type Systemctl func(ctx context.Context, args ...string) (string, error)

// NewManager returns the manager of the machine, or that of the user. getenv reads the
// environment.
func NewManager(user bool, getenv func(string) string) (*Manager, error) {
	m := &Manager{Folder: "/etc/systemd/system", User: user, Run: RunSystemctl}
	if !user {
		return m, nil
	}
	folder := getenv("XDG_CONFIG_HOME")
	if folder == "" {
		home := getenv("HOME")
		if home == "" {
			return nil, errors.New("HOME is not set: it tells where the units of a user are")
		}
		folder = filepath.Join(home, ".config")
	}
	m.Folder = filepath.Join(folder, "systemd", "user")
	return m, nil
}

// unitName matches the names that a unit may have here: systemd allows more. It is not
// compiled in the processes that need no unit, such as each instance of the demo.
const unitName = `^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`

// checkName returns an error if name cannot be that of a unit.
func checkName(name string) error {
	if regexp.MustCompile(unitName).MatchString(name) {
		return nil
	}
	return fmt.Errorf("%q cannot be the name of a service: use letters, digits, and any of . _ -", name)
}

// Install writes the files of a unit, enables it and starts it. A unit that runs is
// restarted. The error of a unit that does not start has the last lines of its log.
func (m *Manager) Install(ctx context.Context, u *Unit) error {
	if err := u.Check(); err != nil {
		return err
	}
	if _, err := m.systemctl(ctx, "--version"); err != nil {
		return err
	}
	service, socket := u.Name+".service", u.Name+".socket"
	if err := m.write(service, u.Service()); err != nil {
		return err
	}
	steps := [][]string{{"daemon-reload"}, {"enable", service}}
	if len(u.Sockets) == 0 {
		if err := m.remove(ctx, socket); err != nil { // of an earlier Install: systemd listens for it until it is stopped
			return err
		}
	} else {
		if err := m.write(socket, u.Socket()); err != nil {
			return err
		}
		// A socket cannot start while its service runs.
		steps = append(steps, []string{"enable", socket}, []string{"stop", service}, []string{"restart", socket})
	}
	for _, step := range steps {
		if _, err := m.systemctl(ctx, step...); err != nil {
			return err
		}
	}
	if _, err := m.systemctl(ctx, "restart", service); err != nil {
		log := m.logOf(ctx, service)
		if strings.Contains(log, "203/EXEC") { // EXIT_EXEC of systemd.exec(5)
			return fmt.Errorf("the account of the service, %s, cannot run %s: put it where all may read it, such as /usr/local/bin", u.User, u.Program)
		}
		return fmt.Errorf("%w\n%s", err, log)
	}
	return nil
}

// Remove stops a unit that Install has written, disables it and removes its files.
func (m *Manager) Remove(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	path := filepath.Join(m.Folder, name+".service")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no service %s: %s is missing", name, path)
	}
	for _, file := range []string{name + ".socket", name + ".service"} {
		if err := m.remove(ctx, file); err != nil {
			return err
		}
	}
	_, err := m.systemctl(ctx, "daemon-reload")
	return err
}

// remove stops and disables a unit and removes its file, if Install has written that.
func (m *Manager) remove(ctx context.Context, file string) error {
	path := filepath.Join(m.Folder, file)
	if own, err := written(path); err != nil || !own {
		return err
	}
	if _, err := m.systemctl(ctx, "disable", "--now", file); err != nil {
		return err
	}
	return os.Remove(path)
}

// write writes a unit file.
func (m *Manager) write(file, text string) error {
	path := filepath.Join(m.Folder, file)
	if _, err := written(path); err != nil {
		return err
	}
	if err := os.MkdirAll(m.Folder, 0o755); err != nil { //nolint:gosec // as all folders of units
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644) //nolint:gosec // as all units: systemctl of any user reads them
}

// written reports whether a file exists and is one that Install has written. A file with
// another content is an error.
func written(path string) (bool, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !bytes.HasPrefix(content, []byte(Mark)) {
		return false, fmt.Errorf("%s was not written by dynlb and stays as it is: move it away, or use another --name", path)
	}
	return true, nil
}

// logOf returns the state of a service with the last lines of its log.
func (m *Manager) logOf(ctx context.Context, service string) string {
	text, _ := m.systemctl(ctx, "status", "--no-pager", "--lines=10", service) // it fails for a service that does not run
	return strings.TrimSpace(text)
}

// systemctl runs systemctl for the manager.
func (m *Manager) systemctl(ctx context.Context, args ...string) (string, error) {
	if m.User {
		args = append([]string{"--user"}, args...)
	}
	return m.Run(ctx, args...)
}

// RunSystemctl runs the program systemctl.
func RunSystemctl(ctx context.Context, args ...string) (string, error) {
	var errout bytes.Buffer
	cmd := exec.CommandContext(ctx, "systemctl", args...)
	cmd.Stderr = &errout
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", errors.New("this machine has no systemd: systemctl is missing ('dynlb service install --print' prints the unit)")
	}
	if err != nil {
		err = fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errout.String()))
	}
	return string(out), err
}
