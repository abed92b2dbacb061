package process

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// roles are the children of these tests. They get the arguments of the test
// program and return the exit status.
var roles = map[string]func(args []string) int{
	"exit":        roleExit,
	"print":       rolePrint,
	"endless":     roleEndless,
	"lines":       roleLines,
	"flood":       roleFlood,
	"alive":       roleAlive,
	"term":        roleTerm,
	"slow-term":   roleSlowTerm,
	"ignore-term": roleIgnoreTerm,
	"suicide":     roleSuicide,
	"parent":      roleParent,
	"listen":      roleListen,
	"middle":      roleMiddle,
	"guard":       roleGuard,
	"guarded":     roleGuarded,
}

// roleExit: exit STATUS
func roleExit(args []string) int {
	status, _ := strconv.Atoi(args[0])
	return status
}

// rolePrint: print STDOUT STDERR, as Go string literals without quotes
func rolePrint(args []string) int {
	for i, file := range []*os.File{os.Stdout, os.Stderr} {
		text, err := strconv.Unquote(`"` + args[i] + `"`)
		if err != nil {
			panic(err)
		}
		_, _ = file.WriteString(text)
	}
	return 0
}

// roleEndless: prints BYTES bytes without a line end
func roleEndless(args []string) int {
	n, _ := strconv.Atoi(args[0])
	chunk := []byte(strings.Repeat("x", 1<<16))
	for ; n > 0; n -= len(chunk) {
		if _, err := os.Stdout.Write(chunk[:min(n, len(chunk))]); err != nil {
			return 1
		}
	}
	return 0
}

// roleLines: prints "line 0" to "line N-1"
func roleLines(args []string) int {
	n, _ := strconv.Atoi(args[0])
	out := bufio.NewWriter(os.Stdout)
	for i := range n {
		_, _ = fmt.Fprintf(out, "line %d\n", i)
	}
	if out.Flush() != nil {
		return 1
	}
	return 0
}

// roleFlood: prints LINES lines of BYTES bytes each
func roleFlood(args []string) int {
	n, _ := strconv.Atoi(args[0])
	size, _ := strconv.Atoi(args[1])
	line := []byte(strings.Repeat("x", size-1) + "\n")
	for range n {
		if _, err := os.Stdout.Write(line); err != nil {
			return 1
		}
	}
	return 0
}

// roleAlive: holds a connection to a lifeline until it or the lifeline ends
func roleAlive(args []string) int {
	hold(args[0])
	return 0
}

// roleTerm: like alive; on SIGTERM prints "bye" and exits with 3
func roleTerm(args []string) int {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go hold(args[0])
	<-term
	fmt.Println("bye")
	return 3
}

// roleSlowTerm: on SIGTERM goes on until its lifeline ends, then like term
func roleSlowTerm(args []string) int {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	hold(args[0])
	<-term
	fmt.Println("bye")
	return 3
}

// roleIgnoreTerm: like alive, deaf to SIGTERM
func roleIgnoreTerm(args []string) int {
	signal.Ignore(syscall.SIGTERM)
	hold(args[0])
	return 0
}

// roleSuicide: suicide SIGNAL
func roleSuicide(args []string) int {
	sig, _ := strconv.Atoi(args[0])
	_ = syscall.Kill(os.Getpid(), syscall.Signal(sig))
	select {}
}

// roleParent: parent HOW ROLE ARGS... starts a child that plays ROLE and shares
// its output, in its own group or ("setsid", "cleared") in a session of its own,
// or ("setpgid") in a group of its own, or ("cleared") without a mark; "leave" and
// "setsid" exit as soon as that child says "ready" on a pipe, the others wait for
// its exit; "forget" does not, but goes on as if it had no child.
func roleParent(args []string) int {
	spec := roleSpec(args[1], args[2:]...)
	ready, child, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	cmd := &exec.Cmd{
		Path: spec.Argv[0], Args: spec.Argv, Env: append(spec.Env, readyEnv+"=3"),
		Stdout: os.Stdout, Stderr: os.Stderr, ExtraFiles: []*os.File{child},
		SysProcAttr: &syscall.SysProcAttr{Setsid: args[0] == "setsid" || args[0] == "cleared", Setpgid: args[0] == "setpgid"},
	}
	if args[0] == "cleared" {
		cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, markVariable+"=") })
	}
	if _, err := cmd.StdinPipe(); err != nil { // open for as long as this process lives
		panic(err)
	}
	if args[0] == "forget" {
		signal.Ignore(syscall.SIGCHLD) // the kernel reaps, and does not add up times
	}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	_ = child.Close()
	for args[0] == "forget" {
		time.Sleep(time.Hour)
	}
	if args[0] == "leave" || args[0] == "setsid" {
		_, _ = ready.Read(make([]byte, 1))
		return 7
	}
	_ = cmd.Wait()
	return 0
}

// roleListen: listens on each ADDRESS, prints the ports, and runs until killed
func roleListen(args []string) int {
	for _, address := range args {
		l, err := net.Listen("tcp", address)
		if err != nil {
			panic(err)
		}
		fmt.Println(l.Addr().(*net.TCPAddr).Port)
	}
	if os.Getenv(readyEnv) != "" { // a grandchild, maybe in another group: ends with its parent
		_, _ = io.Copy(io.Discard, os.Stdin)
		return 0
	}
	select {}
}

// roleMiddle: starts a role through this package, then runs until killed
func roleMiddle(args []string) int {
	if _, err := Start(roleSpec(args[0], args[1:]...)); err != nil {
		panic(err)
	}
	select {}
}

// roleGuard: a guard
func roleGuard([]string) int {
	if err := RunGuard(os.Stdin); err != nil {
		panic(err)
	}
	return 0
}

// roleGuarded: starts a guard, and then does as roleMiddle, with a mark
func roleGuarded(args []string) int {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	_ = os.Setenv(roleEnv, "guard")
	if _, err := StartGuard([]string{self}); err != nil {
		panic(err)
	}
	spec := roleSpec(args[0], args[1:]...)
	spec.Mark = NewMark("test")
	if _, err := Start(spec); err != nil {
		panic(err)
	}
	select {}
}

// readyEnv names the file descriptor on which a role tells that it is ready.
const readyEnv = "PROCESS_TEST_READY"

// hold connects to a lifeline, tells its pid, says that it is ready, and
// returns when the lifeline is closed.
func hold(address string) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		panic(err)
	}
	_, _ = fmt.Fprintln(conn, os.Getpid())
	if fd, err := strconv.Atoi(os.Getenv(readyEnv)); err == nil {
		_ = os.NewFile(uintptr(fd), "ready").Close()
	}
	_, _ = conn.Read(make([]byte, 1))
}
