package cli

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// cli runs one command line in a folder of its own.
func cli(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err daemontest.Buffer
	code = Run(t.Context(), args, &out, &err, testVersion)
	return code, out.String(), err.String()
}

// TestBadUsage: what cannot be understood is one clear line, and exit code 2.
func TestBadUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("bad.yaml", []byte("minIntances: 2\nmaxInstances: lots\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("port0.yaml", []byte("admin: 127.0.0.1:0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		want string
	}{
		{"serv", `dynlb: unknown command "serv"; did you mean "serve"? (see 'dynlb --help')`},
		{"serve now", `dynlb: unknown command "now" for "dynlb serve" (usage: dynlb serve [flags])`},
		{"serve --log-level loud", `dynlb: --log-level "loud": there are debug, info, warn and error`},
		{"serve --engine turbo", `dynlb: invalid argument "turbo" for "--engine" flag: unknown engine "turbo"; there are auto, fast and std`},
		{"serve --config missing.yaml", "missing.yaml: cannot be read: no such file or directory"},
		{"check --config bad.yaml", "bad.yaml:1: minIntances: unknown key; did you mean minInstances?\nbad.yaml:2: maxInstances: "},
		{"check --nonsense", "dynlb: unknown flag: --nonsense (see 'dynlb check --help')"},
		{"check --config bad.yaml other.yaml", "dynlb: the file and --config say the same; give one of them (usage: dynlb check [FILE] [flags])"},
		{"check bad.yaml other.yaml", "dynlb: check takes one file (usage: dynlb check [FILE] [flags])"},
		{"check bad.yaml", "bad.yaml:1: minIntances: "},
		{"check -c -", "-: cannot be read: is not the name of a file; for standard input write /dev/stdin"},
		{"scale", "dynlb: scale needs the number of instances, such as: dynlb scale 4 (usage: dynlb scale N [flags])"},
		{"scale -1", "dynlb: the number of instances is between minInstances and maxInstances, such as: dynlb scale 4; got -1"},
		{"scale -x", "dynlb: unknown shorthand flag: 'x' in -x (see 'dynlb scale --help')"},
		{"scale 3 --hold 5", `dynlb: invalid argument "5" for "--hold" flag: time: missing unit in duration "5"; write 5s or 5m`},
		{"scale 3 --hold x", `dynlb: invalid argument "x" for "--hold" flag: time: invalid duration "x" (see 'dynlb scale --help')`},
		{"restart --max-surge 0", "dynlb: --max-surge must be above 0; got 0"},
		{"watch --interval 0", "dynlb: --interval must be above 0; got 0s"},
		{"completion csh", `dynlb: no completion for "csh"; there are bash, fish, powershell and zsh`},
		{"completion bash x", `dynlb: unknown command "x" for "dynlb completion bash"`},
		{"help nope", `dynlb: there is no command "nope" (see 'dynlb --help')`},
		{"scale many", `dynlb: "many" is not a number of instances; give a whole number, such as: dynlb scale 4`},
		{"status --output yaml", `dynlb: --output "yaml": there are table and json`},
		{"status --admin here", `dynlb: --admin "here" is not host:port, such as 127.0.0.1:4001`},
		{"status --admin 127.0.0.1:99999", `dynlb: --admin "127.0.0.1:99999" is not host:port`},
		{"status --admin 127.0.0.1:0", `dynlb: --admin "127.0.0.1:0" is not host:port`},
		{"status --config port0.yaml", "dynlb: admin of the config leaves the port to the kernel (127.0.0.1:0); give --admin"},
		{"status --config missing.yaml", "missing.yaml: cannot be read: no such file or directory\n(or name the control listener with --admin)\n"},
		{"backend", "dynlb: --port is missing; give the port to listen on, such as --port 5001"},
		{"backend --port 0", "dynlb: --port 0 is not a port; give one from 1 to 65535"},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, stdout, stderr := cli(t, strings.Fields(c.args)...)
			if code != exitUsage || stdout != "" || !strings.HasPrefix(stderr, c.want) {
				t.Errorf("exit code %d\n%s%swant code %d, and\n%s", code, stdout, stderr, exitUsage, c.want)
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"status", "watch", "scale 3"} {
		code, _, stderr := cli(t, append(strings.Fields(command), "--admin", "127.0.0.1:1")...)
		if code != exitFail || !strings.HasPrefix(stderr, "dynlb: no dynlb answers on 127.0.0.1:1: ") {
			t.Errorf("%s: exit code %d, %s", command, code, stderr)
		}
	}
}

func TestPortInUse(t *testing.T) {
	r := daemontest.Start(t, "")
	t.Chdir(t.TempDir())
	taken := strings.TrimPrefix(r.URL, "http://")
	for _, key := range []string{"listen", "admin", "adminHTTP"} {
		yaml := daemontest.Complete(key+": "+taken, daemontest.PortRange(t))
		if err := os.WriteFile("config.yaml", []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := cli(t, "serve")
		want := "dynlb: listen tcp " + taken + ": bind: address already in use (perhaps another dynlb runs; to use another port, set " + key + ": in the config)"
		if code != exitFail || !strings.Contains(stderr, want) {
			t.Errorf("exit code %d\n%swant %s", code, stderr, want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Chdir(t.TempDir())
	code, stdout, _ := cli(t, "check")
	if code != exitDone || stdout != "no config.yaml found: the defaults apply\n" {
		t.Errorf("without a file: %d, %s", code, stdout)
	}
	if err := os.WriteFile("config.yaml", []byte("command: [./app, --port, \"{port}\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	want := "config.yaml is valid: 2 to 8 instances of " + filepath.Join(dir, "app") + " --port 5001, on :4000\n"
	for _, args := range []string{"check", "check config.yaml", "check --config config.yaml"} {
		if code, stdout, _ = cli(t, strings.Fields(args)...); code != exitDone || stdout != want {
			t.Errorf("%s: exit code %d, %q, want %q", args, code, stdout, want)
		}
	}
}

// TestCheckRefusesWhatServeDoes: to run instances as another takes root.
func TestCheckRefusesWhatServeDoes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc/self/exe, for a user that may not see the folder of this program")
	}
	t.Chdir(t.TempDir())
	if err := os.WriteFile("config.yaml", []byte("user: root\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "check")
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	output, err := cmd.CombinedOutput()
	want := "dynlb: user: root needs dynlb to run as root; start it as root, or as that user and without the key\n"
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != exitUsage || string(output) != want {
		t.Errorf("check: %v, %s", err, output)
	}
}

func TestVersionAndCompletion(t *testing.T) {
	t.Parallel()
	if code, stdout, _ := cli(t, "version"); code != exitDone || !strings.HasPrefix(stdout, "dynlb ") {
		t.Errorf("version: %d, %s", code, stdout)
	}
	if _, version, _ := cli(t, "version"); version != versionLine(testVersion)+"\n" {
		t.Errorf("version: %q", version)
	}
	if code, stdout, _ := cli(t, "--version"); code != exitDone || stdout != versionLine(testVersion)+"\n" {
		t.Errorf("--version: %d, %q", code, stdout)
	}
	for _, args := range []string{"help scale", "help completion bash", "completion", "help"} {
		if code, stdout, stderr := cli(t, strings.Fields(args)...); code != exitDone || !strings.Contains(stdout, "Usage:") {
			t.Errorf("%s: %d, %s%s", args, code, stdout, stderr)
		}
	}
	if _, stdout, _ := cli(t, "serve", "--help"); !strings.Contains(stdout, "error (default info)") {
		t.Errorf("serve --help: %s", stdout)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, stdout, _ := cli(t, "completion", shell); code != exitDone || !strings.Contains(stdout, "dynlb") {
			t.Errorf("completion %s: %d", shell, code)
		}
	}
	if _, stdout, _ := cli(t, "__complete", "status", "--output", ""); !strings.HasPrefix(stdout, "table\njson\n") {
		t.Errorf("completion of --output: %s", stdout)
	}
}

// TestClientCommands drives a running dynlb with the commands, which find it by
// the config file.
func TestClientCommands(t *testing.T) {
	r := daemontest.Start(t, "")
	r.AwaitReady(2)
	t.Chdir(t.TempDir())
	if err := os.WriteFile("config.yaml", []byte("admin: "+r.Admin+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := cli(t, "scale", "3", "--hold", "1m")
	if code != exitDone || stdout != "target 2 -> 3\n" {
		t.Fatalf("scale 3: %d, %s%s", code, stdout, stderr)
	}
	code, _, stderr = cli(t, "scale", "9")
	if code != exitUsage || stderr != "dynlb: target 9 is outside [2, 8] (minInstances, maxInstances)\n" {
		t.Errorf("scale 9: %d, %s", code, stderr)
	}
	r.AwaitReady(3)

	code, stdout, _ = cli(t, "status", "-o", "json")
	_, body := r.Get(r.URL + "/lb-status")
	if code != exitDone || stdout != body+"\n" {
		t.Errorf("status -o json\n%s/lb-status\n%s", stdout, body)
	}
	code, stdout, _ = cli(t, "status")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != exitDone || len(lines) != 5 ||
		!strings.HasPrefix(lines[0], "3 ready of 3 wanted (2 to 8), 0 in flight, 0 waiting, 0 restarts, held for ") ||
		!strings.HasPrefix(lines[1], "INSTANCE  ADDRESS") || strings.Contains(stdout, "\x1b") {
		t.Errorf("status: %d\n%s", code, stdout)
	}
}

// TestWatchLines: piped, watch prints a line for each event and each change.
func TestWatchLines(t *testing.T) {
	t.Parallel()
	for output, want := range map[string][]string{
		"":     {"2 ready of 2 wanted", " scaled: ScaleTo from ", "starting ", "ready ", "3 ready of 3 wanted"},
		"json": {`"target":2`, `"EVENT_TYPE_SCALED"`, `"target":3`},
	} {
		t.Run("output "+output, func(t *testing.T) {
			r := daemontest.Start(t, "")
			r.AwaitReady(2)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var out daemontest.Buffer
			args := []string{"watch", "--admin", r.Admin, "--interval", "10ms"}
			if output != "" {
				args = append(args, "-o", output)
			}
			done := make(chan int, 1)
			go func() { done <- Run(ctx, args, &out, &out, testVersion) }()
			daemontest.Eventually(t, want[0], func() bool { return strings.Contains(out.String(), want[0]) })
			three := int32(3)
			if _, err := r.Client.ScaleTo(ctx, &dynlbv1.ScaleToRequest{Target: &three}); err != nil {
				t.Fatal(err)
			}
			for _, text := range want {
				daemontest.Eventually(t, text, func() bool { return strings.Contains(out.String(), text) })
			}
			cancel()
			if code := <-done; code != exitDone {
				t.Errorf("exit code %d\n%s", code, out.String())
			}
		})
	}
}

// TestWatchRedraws: the table goes back over what it drew before.
func TestWatchRedraws(t *testing.T) {
	t.Parallel()
	var out daemontest.Buffer
	screen := newScreen(&out, outputTable)
	message := &dynlbv1.WatchInstancesResponse{
		Pool: &dynlbv1.Pool{Instances: []*dynlbv1.Instance{{Id: "0123456789"}}},
		Events: []*dynlbv1.Event{{
			Time: timestamppb.Now(), Type: dynlbv1.EventType_EVENT_TYPE_START_FAILED, Reason: "because",
		}},
	}
	for range 2 {
		if err := screen.show(message); err != nil {
			t.Fatal(err)
		}
	}
	text := out.String()
	if !strings.Contains(text, "\n01234567  ") || !strings.Contains(text, " start failed: because\n") {
		t.Errorf("drew %q", text)
	}
	// One line in sum, two of table, an empty one, one event.
	if want := "\x1b[5F\x1b[J"; strings.Count(text, want) != 1 {
		t.Errorf("the second frame does not go back over the first: %q", text)
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for height, want := range map[int]string{0: "a\nb\nc\n", 2: "a\n", 3: "a\nb\n", 9: "a\nb\nc\n"} {
		if got := string(clip([]byte("a\nb\nc\n"), height)); got != want {
			t.Errorf("height %d: %q, want %q", height, got, want)
		}
	}
}

func TestAge(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                             "0s",
		59 * time.Second:              "59s",
		61 * time.Second:              "1m1s",
		2*time.Hour + 3*time.Minute:   "2h3m",
		49*time.Hour + 30*time.Minute: "2d1h",
		-time.Hour:                    "0s",
	} {
		if got := age(timestamppb.New(time.Now().Add(-d))); got != want {
			t.Errorf("age(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestLineIsCutToTheWidth(t *testing.T) {
	t.Parallel()
	var out daemontest.Buffer
	view{width: 5}.line(&out, "héllo", "")
	view{width: 5}.line(&out, "hello!", "")
	view{colours: true}.line(&out, "x", red)
	if got, want := out.String(), "héllo\nhell…\n\x1b[31mx\x1b[0m\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestOpenAPIIsServed: the document says what the admin listener does.
func TestOpenAPIIsServed(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "")
	code, body := r.Get(r.AdminURL + "/openapi.json")
	if code != http.StatusOK || !strings.Contains(body, `"/v1/scale"`) {
		t.Errorf("GET /openapi.json: %d %s", code, body)
	}
}
