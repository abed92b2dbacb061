package prelude

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestWorkerArgs: a worker gets the arguments of its keeper, unless one is of the keeper
// alone or wrong: then the command line judges them, and no worker says the same again.
func TestWorkerArgs(t *testing.T) {
	t.Parallel()
	for line, early := range map[string]bool{
		"":                                  true,
		"--config x.yaml --log-level debug": true,
		"-c x.yaml --engine std app.ts":     true,
		"--listen :80 node x.js --help":     true,
		"-- --help":                         true,
		"--config":                          false,
		"--config=x.yaml":                   false,
		"--log-level loud":                  false,
		"--engine std --no-keeper":          false,
		"--help":                            false,
		"-h":                                false,
	} {
		serve := strings.Fields(line)
		args, err := workerArgs(serve)
		if (err == nil) != early {
			t.Errorf("%q: %v", line, err)
		}
		if want := append([]string{os.Args[0], "worker"}, serve...); early && !slices.Equal(args, want) {
			t.Errorf("%q: got %q", line, args)
		}
	}
}

// TestGuard: this program, run as a guard, has its input before its packages are initialised,
// and says so only after the end of it.
func TestGuard(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "guard")
	var trace bytes.Buffer
	cmd.Stderr = &trace
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte("mark\n")); err != nil {
		t.Fatal(err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil { // its TestMain checks the input
		t.Errorf("%v\n%s", err, &trace)
	}
}

// play is a keeper, which prints what its early worker tells it, or such a worker.
func play(role string) bool {
	switch role {
	case "serve":
		w := TakeWorker()
		if w == nil {
			fmt.Print("no early worker")
			return true
		}
		told := make([]byte, 64)
		n, _ := w.Socket.Read(told) // none: the test reports it
		fmt.Printf("%s", told[:n])
		return true
	case "worker":
		fd, _ := strconv.Atoi(os.Getenv(KeeperVariable))
		_, _ = os.NewFile(uintptr(fd), "keeper").WriteString("has a keeper") // an error: the keeper reads nothing
		return true
	}
	return false
}

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "guard" {
		text, err := GuardInput(os.Stdin)
		if err != nil || string(text) != "mark\n" || !guardInput.read {
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 2 && play(os.Args[1]) {
		os.Exit(0)
	}
	os.Exit(m.Run())
}
