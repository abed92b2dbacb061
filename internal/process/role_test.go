package process

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

// roles are the children of these tests, beside those of processtest.
var roles = map[string]processtest.Role{
	"print":     rolePrint,
	"endless":   roleEndless,
	"lines":     roleLines,
	"flood":     roleFlood,
	"term":      roleTerm,
	"slow-term": roleSlowTerm,
	"kill":      roleKill,
	"starter":   roleStarter,
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

// roleEndless: endless BYTES prints that many bytes without a line ending
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

// roleLines: lines N [ADDRESS] prints "line 0" to "line N-1", then is alive if it
// has an address
func roleLines(args []string) int {
	n, _ := strconv.Atoi(args[0])
	out := bufio.NewWriter(os.Stdout)
	for i := range n {
		_, _ = fmt.Fprintf(out, "line %d\n", i)
	}
	if out.Flush() != nil {
		return 1
	}
	if len(args) > 1 {
		processtest.Hold(args[1])
	}
	return 0
}

// roleFlood: flood LINES BYTES prints lines of that many bytes each
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

// roleTerm: term ADDRESS, like alive; on SIGTERM prints "bye" and exits with 3
func roleTerm(args []string) int {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go processtest.Hold(args[0])
	<-term
	fmt.Println("bye")
	return 3
}

// roleSlowTerm: after SIGTERM it goes on until its lifeline closes, then prints "bye" and
// exits with 3
func roleSlowTerm(args []string) int {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	processtest.Hold(args[0])
	<-term
	fmt.Println("bye")
	return 3
}

// roleKill: kill SIGNAL sends a signal to itself
func roleKill(args []string) int {
	sig, _ := strconv.Atoi(args[0])
	_ = syscall.Kill(os.Getpid(), syscall.Signal(sig))
	processtest.Block()
	return 0
}

// roleStarter: starter ROLE ARGS... starts a child as dynlb does, then runs until it
// is killed
func roleStarter(args []string) int {
	if _, err := Start(roleSpec(args[0], args[1:]...)); err != nil {
		panic(err)
	}
	processtest.Block()
	return 0
}
