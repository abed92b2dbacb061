// Package firstrun starts an app once, to see whether it listens on the port that it is given
// and which path it answers: what a config needs to be right.
package firstrun

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/orphan"
)

// Paths are those that are tried for a health check, in order.
var Paths = []string{"/health", "/healthz", "/up", "/api/health", "/"}

// Limits of a first run. An app that is started for the first time may have to compile itself;
// the others are those of the config: stopTimeout and healthTimeout.
const (
	startTimeout  = 20 * time.Second
	stopTimeout   = 5 * time.Second
	answerTimeout = 2 * time.Second
	// elsewhereTimeout is how long an app may take from another port, such as one for
	// metrics, to its own.
	elsewhereTimeout = 2 * time.Second
	// interval is how often the port is tried. A look at /proc takes some milliseconds.
	interval = 25 * time.Millisecond
)

// An App is what is started.
type App struct {
	// Argv returns the program and its arguments for a port.
	Argv func(port int) []string
	// Dir is the working directory, and Env is added to the environment of dynlb.
	Dir string
	Env []string
}

// Error says why an app failed. Tail has the last lines that it printed.
type Error struct {
	Problem string
	Tail    []string
}

// Error returns the problem and, on lines of their own, what the app printed.
func (e *Error) Error() string {
	if len(e.Tail) == 0 {
		return e.Problem
	}
	return e.Problem + "; it printed:\n  " + strings.Join(e.Tail, "\n  ")
}

// Run starts the app, finds a path that it answers with 2xx, and stops it. No process of the
// app is left, also if this program is killed meanwhile. The error is an [Error] if the app
// failed.
func Run(ctx context.Context, app App) (path string, err error) {
	port, err := freePort(ctx)
	if err != nil {
		return "", err
	}
	guard, err := orphan.StartOwnGuard(slog.New(slog.DiscardHandler)) // its end is no news for a user
	if err != nil {
		return "", err
	}
	defer guard.Dismiss() // the app is stopped then, and so are its descendants
	env := append(os.Environ(), app.Env...)
	child, err := process.Start(process.Spec{
		Argv: app.Argv(port), Dir: app.Dir, Env: append(env, "PORT="+strconv.Itoa(port)),
		Mark: orphan.NewMark("first-run-" + strconv.Itoa(port)),
	})
	if err != nil {
		return "", err
	}
	defer child.Stop(context.WithoutCancel(ctx), stopTimeout)
	problem := await(ctx, child, port)
	if problem == "" {
		path, problem = answered(ctx, port)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if problem != "" {
		return "", &Error{Problem: problem, Tail: child.Tail()}
	}
	return path, nil
}

// await waits until the app listens on a port, and returns why it does not.
func await(ctx context.Context, child *process.Process, port int) (problem string) {
	deadline := time.After(startTimeout)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	problem = fmt.Sprintf("the app does not listen on port %d, which it is given as PORT, within %v", port, startTimeout)
	elsewhere := false
	for {
		select {
		case <-child.Done():
			return "the app ended at once: " + child.Exit().Reason
		case <-ctx.Done():
			return problem
		case <-deadline:
			return problem
		case <-tick.C:
		}
		found, err := child.ListensOn(port)
		switch {
		case err == nil && found.Owned, errors.Is(err, errors.ErrUnsupported) && accepts(ctx, port):
			return ""
		case err == nil && len(found.Ports) > 0:
			problem = fmt.Sprintf("the app %s, not on %d, which it is given as PORT; have it listen there, such as by server.listen(process.env.PORT, \"127.0.0.1\")", found.Elsewhere(), port)
			if !elsewhere {
				elsewhere, deadline = true, time.After(elsewhereTimeout)
			}
		}
	}
}

// accepts reports whether a program accepts connections at a port.
func accepts(ctx context.Context, port int) bool {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address(port))
	if err != nil {
		return false
	}
	_ = conn.Close() // it carried nothing
	return true
}

// answered returns the first of Paths that is answered with 2xx, or what the answers were.
func answered(ctx context.Context, port int) (path, problem string) {
	client := &http.Client{
		Timeout:       answerTimeout,
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var answers []string
	for _, path := range Paths {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address(port)+path, nil)
		if err != nil {
			return "", err.Error()
		}
		res, err := client.Do(r)
		if err != nil {
			answers = append(answers, path+" not at all")
			continue
		}
		_ = res.Body.Close() // the status is enough
		if res.StatusCode/100 == 2 {
			return path, ""
		}
		answers = append(answers, fmt.Sprintf("%s with %d", path, res.StatusCode))
	}
	return "", "the app has no path that tells whether it is ready: it answers " + strings.Join(answers, ", ") + "; have it answer GET /health with 200, or set healthPath to a path that it answers with 2xx"
}

func address(port int) string { return net.JoinHostPort("localhost", strconv.Itoa(port)) }

// freePort returns a port on which nothing listens.
func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
