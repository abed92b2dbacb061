package systemd

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// Unit says what a unit file of dynlb is for.
type Unit struct {
	// Name is that of the unit, without ".service". The folder of its state has it too.
	Name string
	// Program is the dynlb binary, Config its config file and WorkDir the folder that it
	// is started in: all absolute.
	Program, Config, WorkDir string
	// User is the account that dynlb runs as; "" for a unit of a user manager.
	User string
	// Path is the PATH of dynlb and its instances: systemd's own has no folder of a user.
	Path string
	// LowPorts is whether dynlb listens on a port below 1024.
	LowPorts bool
	// Stop is how long dynlb may take to stop.
	Stop time.Duration
	// Sockets are the addresses that systemd listens on for dynlb, if any.
	Sockets []string
}

// Mark is the first line of the files: those without it are not overwritten or removed.
const Mark = "# Written by dynlb service install.\n"

const (
	// stopMargin is what systemd waits longer than dynlb may take, before it kills all
	// processes.
	stopMargin = 10 * time.Second
	// watchdogTime is how long dynlb may be stuck until systemd starts it again. A busy
	// machine may delay it for seconds.
	watchdogTime = 30 * time.Second
	// openFiles is the limit of open files: a request takes two. It is the kernel's
	// default upper bound, fs.nr_open.
	openFiles = 1 << 20
)

// Service returns the text of the service file.
func (u *Unit) Service() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	b.WriteString(Mark)
	line("[Unit]")
	line("Description=dynlb with %s", specifiers(u.Config))
	line("After=network-online.target")
	line("Wants=network-online.target")
	line("StartLimitIntervalSec=0")
	line("\n[Service]")
	line("Type=notify")
	line("ExecStart=%s", commandLine(u.Program, "serve", "--config", u.Config))
	line("ExecReload=/bin/kill -HUP $MAINPID")
	line("WorkingDirectory=%s", specifiers(u.WorkDir))
	if u.User != "" {
		line("User=%s", specifiers(u.User))
	}
	line("Environment=%s", quoted("PATH="+u.Path))
	line("StateDirectory=%s", u.Name)
	line("StateDirectoryMode=0700")
	if u.User != "" { // that of a user has a folder of its own
		line("RuntimeDirectory=%s", u.Name)
	}
	line("Restart=always")
	line("RestartSec=1")
	line("WatchdogSec=%d", seconds(watchdogTime))
	line("TimeoutStartSec=60")
	line("TimeoutStopSec=%d", seconds(u.Stop+stopMargin))
	line("# dynlb stops its instances itself: SIGTERM goes to dynlb alone.")
	line("KillMode=mixed")
	line("# Each instance gets a cgroup of its own.")
	line("Delegate=yes")
	line("LimitNOFILE=%d", openFiles)
	u.harden(line)
	line("\n[Install]")
	line("WantedBy=%s", u.target())
	return b.String()
}

// harden writes what takes rights away that neither dynlb nor a usual app needs.
func (u *Unit) harden(line func(string, ...any)) {
	line("LockPersonality=yes")
	line("RestrictRealtime=yes")
	if u.User == "" {
		line("NoNewPrivileges=yes")
		return // a user manager cannot do the rest
	}
	if !u.inTemporary() {
		line("PrivateTmp=yes") // which hides what others have in /tmp and /var/tmp
	}
	line("ProtectClock=yes")
	line("ProtectHostname=yes")
	line("ProtectKernelLogs=yes")
	line("ProtectKernelModules=yes")
	line("ProtectKernelTunables=yes")
	line("ProtectSystem=true")
	line("RestrictSUIDSGID=yes")
	if u.User == "root" {
		return // dynlb needs the rights of root to give instances another user
	}
	line("NoNewPrivileges=yes")
	if u.LowPorts {
		line("AmbientCapabilities=CAP_NET_BIND_SERVICE")
		line("CapabilityBoundingSet=CAP_NET_BIND_SERVICE")
	} else {
		line("CapabilityBoundingSet=")
	}
}

// inTemporary reports whether the service needs a file that PrivateTmp= hides.
func (u *Unit) inTemporary() bool {
	for _, p := range []string{u.Program, u.Config, u.WorkDir} {
		if strings.HasPrefix(p, "/tmp/") || strings.HasPrefix(p, "/var/tmp/") {
			return true
		}
	}
	return false
}

// Socket returns the text of the socket file. systemd then holds the sockets: connections
// that arrive while dynlb restarts wait.
func (u *Unit) Socket() string {
	var b strings.Builder
	b.WriteString(Mark)
	fmt.Fprintf(&b, "[Unit]\nDescription=Sockets of dynlb with %s\n\n[Socket]\n", specifiers(u.Config))
	for _, address := range u.Sockets {
		fmt.Fprintf(&b, "ListenStream=%s\n", strings.TrimPrefix(address, ":"))
	}
	// As net.Listen: an address without a host is one of both versions of IP.
	fmt.Fprintf(&b, "BindIPv6Only=both\nBacklog=65535\nNoDelay=yes\n\n[Install]\nWantedBy=sockets.target\n")
	return b.String()
}

// target returns what starts the unit at boot.
func (u *Unit) target() string {
	if u.User == "" {
		return "default.target"
	}
	return "multi-user.target"
}

// Check returns an error for what a unit file cannot hold.
func (u *Unit) Check() error {
	if err := checkName(u.Name); err != nil {
		return err
	}
	for _, p := range []string{u.Program, u.Config, u.WorkDir} {
		if !filepath.IsAbs(p) {
			return fmt.Errorf("%q is not an absolute path", p)
		}
	}
	for _, p := range []string{u.Program, u.Config, u.WorkDir, u.User, u.Path} {
		if strings.ContainsAny(p, "\n\r\x00") {
			return fmt.Errorf("%q has a line break, which a unit file cannot hold", p)
		}
	}
	return nil
}

// seconds returns a time in seconds, rounded up.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// commandLine returns words as ExecStart= takes them.
func commandLine(words ...string) string {
	for i, w := range words {
		// In a command line, systemd also replaces $WORD.
		words[i] = quoted(strings.ReplaceAll(w, "$", "$$"))
	}
	return strings.Join(words, " ")
}

// quoted returns a word in quotes if systemd could read it in another way (systemd.syntax(7)).
func quoted(word string) string {
	word = specifiers(word)
	if word != "" && !strings.ContainsAny(word, " \t\"'\\;") {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`).Replace(word) + `"`
}

// specifiers escapes what systemd replaces in most values.
func specifiers(text string) string { return strings.ReplaceAll(text, "%", "%%") }
