package firstrun

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/processtest"
)

// appVariable has this binary be an app, of the kind that it names.
const appVariable = "FIRSTRUN_TEST_APP"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "guard" {
		if err := orphan.RunGuard(os.Stdin); err != nil {
			panic(err)
		}
		return
	}
	if status, played := processtest.Play(map[string]processtest.Role{"trial": roleTrial}); played {
		os.Exit(status)
	}
	if kind := os.Getenv(appVariable); kind != "" {
		serve(kind)
		return
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dynlb/dynlb/internal/process.spawnLoop"))
}

// serve is an app: "2xx /path" answers that path, "elsewhere" listens on another port, and
// "ends" says why it ends.
func serve(kind string) {
	address := "127.0.0.1:" + os.Getenv("PORT")
	_, path, _ := strings.Cut(kind, " ")
	switch {
	case kind == "ends":
		fmt.Println("cannot find module express")
		os.Exit(3)
	case kind == "elsewhere":
		address = "127.0.0.1:0"
	}
	err := http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	fmt.Println(err)
}

// try makes a first run of this binary as an app.
func try(t *testing.T, kind string) (path string, err error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Run(t.Context(), App{
		Argv: func(port int) []string { return []string{self, strconv.Itoa(port)} },
		Env:  []string{appVariable + "=" + kind},
	})
}

func TestPath(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"/health", "/up", "/"} {
		if got, err := try(t, "2xx "+want); err != nil || got != want {
			t.Errorf("an app that answers %s: %s, %v", want, got, err)
		}
	}
}

// TestFailure: the error says what the app did instead of answering.
func TestFailure(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"ends":       "the app ended at once: exit status 3; it printed:\n  cannot find module express",
		"elsewhere":  "the app listens on port ",
		"2xx /other": "the app has no path that tells whether it is ready: it answers /health with 404, /healthz with 404, /up with 404, /api/health with 404, / with 404;",
	} {
		_, err := try(t, kind)
		if failure, ok := errors.AsType[*Error](err); !ok || !strings.HasPrefix(failure.Error(), want) {
			t.Errorf("%s: %v, want %s", kind, err, want)
		}
		if kind == "elsewhere" && !strings.HasSuffix(err.Error(), `such as by server.listen(process.env.PORT, "127.0.0.1")`) {
			t.Errorf("%v does not recommend the loopback", err)
		}
	}
}
