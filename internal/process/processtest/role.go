package processtest

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// roles are the children that the tests of more than one package need.
var roles = map[string]Role{
	"exit":        roleExit,
	"alive":       roleAlive,
	"ignore-term": roleIgnoreTerm,
	"parent":      roleParent,
	"listen":      roleListen,
}

// roleExit: exit STATUS
func roleExit(args []string) int {
	status, _ := strconv.Atoi(args[0])
	return status
}

// roleAlive: alive ADDRESS holds a connection to a lifeline until it closes
func roleAlive(args []string) int {
	Hold(args[0])
	return 0
}

// roleIgnoreTerm: like alive, and ignores SIGTERM
func roleIgnoreTerm(args []string) int {
	signal.Ignore(syscall.SIGTERM)
	Hold(args[0])
	return 0
}

// roleParent: parent HOW ROLE ARGS... starts a child that plays ROLE and shares
// its output. HOW says where the child runs, and what the parent does then:
//
//	wait     in the group of the parent, which waits for its exit
//	leave    the same, but the parent exits with 7 once the child is ready
//	forget   the same, but the parent goes on as if it had no child
//	setpgid  in a group of its own; the parent waits
//	setsid   in a session of its own; the parent exits with 7 once it is ready
//	cleared  in a session of its own, with none of the parent's environment; the
//	         parent waits
func roleParent(args []string) int {
	how := args[0]
	ready, child, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	cmd := Command(args[1], args[2:]...)
	if how == "cleared" {
		cmd.Env = slices.DeleteFunc(cmd.Env, func(entry string) bool {
			name, _, _ := strings.Cut(entry, "=")
			return name != RoleEnv && !strings.HasPrefix(name, "GO")
		})
	}
	cmd.Env = append(cmd.Env, readyEnv+"=3")
	cmd.Stdout, cmd.ExtraFiles = os.Stdout, []*os.File{child}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: how == "setsid" || how == "cleared", Setpgid: how == "setpgid"}
	if _, err := cmd.StdinPipe(); err != nil { // open as long as this process lives
		panic(err)
	}
	if how == "forget" {
		signal.Ignore(syscall.SIGCHLD) // the kernel reaps, and does not add up times
	}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	_ = child.Close()
	switch how {
	case "forget":
		Block()
	case "leave", "setsid":
		_, _ = ready.Read(make([]byte, 1))
		return 7
	}
	_ = cmd.Wait()
	return 0
}

// roleListen: listen ADDRESS... listens on each address, prints the ports, and
// runs until it is killed. An address may be unix:PATH, which is printed.
func roleListen(args []string) int {
	for _, address := range args {
		network := "tcp"
		if path, ok := strings.CutPrefix(address, "unix:"); ok {
			network, address = "unix", path
		}
		l, err := net.Listen(network, address)
		if err != nil {
			panic(err)
		}
		if tcp, ok := l.Addr().(*net.TCPAddr); ok {
			fmt.Println(tcp.Port)
		} else {
			fmt.Println(address)
		}
	}
	if os.Getenv(readyEnv) != "" { // the child of a parent: ends with it
		_, _ = io.Copy(io.Discard, os.Stdin)
		return 0
	}
	Block()
	return 0
}

// Block keeps a child alive until it is killed. It sleeps because the runtime ends a
// program when all its goroutines are blocked in a select.
func Block() {
	for {
		time.Sleep(time.Hour)
	}
}
