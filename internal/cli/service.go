package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/daemon"
	"github.com/dynlb/dynlb/internal/systemd"
)

// serviceFlags are the flags of `dynlb service`.
type serviceFlags struct {
	name   string
	user   bool   // for the manager of the user
	runAs  string // the account of the service
	socket bool   // systemd holds the sockets
	print  bool
	// inherited are the variables that the config has from the present environment.
	inherited []string
}

func newService(o *options) *cobra.Command {
	var f serviceFlags
	cmd := &cobra.Command{
		Use:     "service",
		Example: "  sudo dynlb service install\n  dynlb service install --user",
		Short:   "Install dynlb as a service of systemd, or remove it",
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&f.name, "name", "dynlb", "name of the service")
	cmd.PersistentFlags().BoolVar(&f.user, "user", false, "use the services of the user, which need no root")
	cmd.AddCommand(newServiceInstall(o, &f), newServiceRemove(&f))
	return cmd
}

func newServiceInstall(o *options, f *serviceFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Write the unit, enable it and start it",
		Long: `Write a unit of systemd that serves the config file, enable it and start it.

The service runs as the owner of the config file, unless --run-as names another
account, and with the present PATH. systemd starts dynlb at boot, starts it again when
it ends or is stuck, and waits for its requests and instances when it stops it.
'systemctl reload' reloads the config, 'journalctl -u dynlb' has the log. Run the
command again after a change of drainDelay, drainTimeout or stopTimeout.`,
		Example: `  sudo dynlb service install
  dynlb service install --user --config app/config.yaml
  dynlb service install --print`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			unit, err := f.unit(o)
			if err != nil {
				return err
			}
			if len(f.inherited) > 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "warning: the config uses %s of this environment, which the service does not have; set it in envFile\n", strings.Join(f.inherited, ", "))
			}
			if f.print {
				text := unit.Service()
				if f.socket {
					text += "\n# " + unit.Name + ".socket\n" + unit.Socket()
				}
				_, err := fmt.Fprint(cmd.OutOrStdout(), text)
				return err
			}
			m, err := systemd.NewManager(f.user, os.Getenv)
			if err != nil {
				return err
			}
			if err := m.Install(cmd.Context(), unit); err != nil {
				return f.explain(err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is installed and runs (%s)\n", unit.Name, filepath.Join(m.Folder, unit.Name+".service"))
			if f.user {
				fmt.Fprintln(cmd.OutOrStdout(), "to have it run while you are logged out: loginctl enable-linger")
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&f.runAs, "run-as", "", "account that dynlb runs as (default the owner of the config file)")
	cmd.Flags().BoolVar(&f.socket, "socket", false, "let systemd hold the sockets: clients wait while dynlb restarts")
	cmd.Flags().BoolVar(&f.print, "print", false, "print the unit and install nothing")
	return cmd
}

func newServiceRemove(f *serviceFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "remove",
		Example: "  sudo dynlb service remove\n  dynlb service remove --user",
		Short:   "Stop the service and remove the unit",
		Long:    `Stop the service, disable it, and remove the unit that 'dynlb service install' has written.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			m, err := systemd.NewManager(f.user, os.Getenv)
			if err != nil {
				return err
			}
			if err := m.Remove(cmd.Context(), f.name); err != nil {
				return f.explain(err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is removed\n", f.name)
			return err
		},
	}
}

// explain adds what to do to an error of systemd or of its folder.
func (f *serviceFlags) explain(err error) error {
	if !f.user && os.Geteuid() != 0 {
		return fmt.Errorf("%w (run it as root, or use --user)", err)
	}
	return err
}

// unit returns the unit for the config file, which must be valid.
func (f *serviceFlags) unit(o *options) (*systemd.Unit, error) {
	path, err := filepath.Abs(cmp.Or(o.config, config.FindDefault()))
	if err != nil {
		return nil, err
	}
	settings, err := config.Load(path, os.Getenv)
	if err != nil {
		return nil, err
	}
	if err := daemon.Check(settings); err != nil {
		return nil, err
	}
	f.inherited = slices.DeleteFunc(settings.Inherited, func(name string) bool {
		return slices.Contains([]string{"HOME", "LOGNAME", "PATH", "SHELL", "USER"}, name) // systemd sets these
	})
	program, err := installedProgram()
	if err != nil {
		return nil, err
	}
	u := &systemd.Unit{
		Name: f.name, Program: program, Config: path, WorkDir: filepath.Dir(path), Path: os.Getenv("PATH"),
		Stop: daemon.StopTime(&settings),
	}
	addresses := []string{settings.Listen, settings.Admin, settings.AdminHTTP}
	if settings.TLS.Redirect != "" {
		addresses = append(addresses, settings.TLS.Redirect)
	}
	u.LowPorts = slices.ContainsFunc(addresses, lowPort)
	if f.socket {
		u.Sockets = addresses
	}
	if !f.user {
		if u.User, err = accountOf(f.runAs, path); err != nil {
			return nil, err
		}
	} else if f.runAs != "" {
		return nil, usageError{errors.New("a service of the user runs as the user; leave out --run-as or --user")}
	}
	if err := u.Check(); err != nil {
		return nil, usageError{err}
	}
	return u, nil
}

// lowPort reports whether an address has a port that only root and programs with a
// capability may listen on.
func lowPort(address string) bool {
	_, port, ok := config.SplitAddress(address)
	return ok && port > 0 && port < 1024
}

// accountOf returns the account that a service runs as: the one asked for, or the owner
// of the config file.
func accountOf(asked, path string) (string, error) {
	if asked != "" {
		if _, err := user.Lookup(asked); err != nil {
			return "", usageError{fmt.Errorf("--run-as: %w", err)}
		}
		return asked, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", errors.New("the owner of the config file is unknown; give --run-as")
	}
	id := strconv.FormatUint(uint64(stat.Uid), 10)
	if account, err := user.LookupId(id); err == nil {
		return account.Username, nil
	}
	return id, nil // systemd takes numbers too
}

// installedProgram returns the path of this program. One that `go run` has built is
// deleted when it ends.
func installedProgram() (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	file, err := filepath.EvalSymlinks(program)
	if err != nil {
		return "", err
	}
	program = asCalled(file)
	if strings.Contains(file, string(filepath.Separator)+"go-build") {
		return "", fmt.Errorf("%s is a temporary program of go run; build dynlb first: make build", file)
	}
	return program, nil
}

// asCalled returns the path by which this program was called, if it leads to the file: a
// link that is set to another version later is followed then.
func asCalled(file string) string {
	called, err := exec.LookPath(os.Args[0])
	if err != nil {
		return file
	}
	if called, err = filepath.Abs(called); err != nil {
		return file
	}
	if target, err := filepath.EvalSymlinks(called); err != nil || target != file {
		return file
	}
	return called
}
