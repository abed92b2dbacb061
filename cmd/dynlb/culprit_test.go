package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// spawnMortal starts dynlb with two instances of a Bun app that ends as the path of a
// request says. A child of the app sends the SIGKILL of /kill.
func spawnMortal(t *testing.T, engine string) *dynlbProcess {
	t.Helper()
	app := filepath.Join(t.TempDir(), "app.ts")
	const text = `Bun.serve({ port: Number(process.env.PORT), hostname: "127.0.0.1", websocket: { message() { process.exit(3); } }, fetch: async (req, server) => {
		const path = new URL(req.url).pathname;
		if (path === "/ws" && server.upgrade(req)) return;
		if (path !== "/health" && path !== "/") console.log("request is here: " + path + "\nin process " + process.pid);
		switch (path) {
			case "/exit": process.exit(3);
			case "/crash": process.kill(process.pid, "SIGSEGV"); await Bun.sleep(60000);
			case "/kill": process.kill(process.pid, "SIGKILL"); await Bun.sleep(60000);
			case "/wait": await Bun.sleep(1000);
		}
		return new Response("ok");
	}});`
	if err := os.WriteFile(app, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return spawn(t, fmt.Sprintf("minInstances: 2\nmaxInstances: 2\ncommand: [bun, run, %q, --port, '{port}']\n", app), "--engine", engine)
}

// inProcess matches the line of spawnMortal's app that names the process of a request.
var inProcess = regexp.MustCompile(`in process (\d+)`)

// deaths returns how many instances have failed.
func (p *dynlbProcess) deaths() int { return strings.Count(p.log.String(), `"msg":"instance failed"`) }

// TestCulprit: a request that ends its instance by an exit or a crash is not sent to
// another instance, also when it was the second one on a connection. The client gets a
// 502, and the log names the request with the exit.
func TestCulprit(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, engine := range []string{"fast", "std"} {
		for _, c := range []struct {
			method, path, exit string
			warm               bool // there are idle connections to the instances
		}{
			{"GET", "/exit", "exit status 3", false},
			{"GET", "/exit", "exit status 3", true},
			{"POST", "/exit", "exit status 3", true},
			{"GET", "/crash", "signal: segmentation fault", true},
		} {
			t.Run(fmt.Sprintf("%s, %s %s, warm %v", engine, c.method, c.path, c.warm), func(t *testing.T) {
				t.Parallel()
				p := spawnMortal(t, engine)
				if c.warm {
					a, b := p.send("GET", "/wait", nil), p.send("GET", "/wait", nil)
					<-a
					<-b
				}
				begun := time.Now()
				got := <-p.send(c.method, c.path+"?secret=1", nil)
				took := time.Since(begun)
				if got.err != nil || got.status != "502 Bad Gateway" {
					t.Errorf("%+v, want a 502", got)
				}
				if c.method == "GET" && !strings.Contains(got.body, "the instance ended while it worked on this request") {
					t.Errorf("answer %q has no reason", got.body)
				}
				if took > time.Second {
					t.Errorf("the answer took %v", took)
				}
				daemontest.Eventually(t, "the death in the log", func() bool { return p.deaths() > 0 })
				want := fmt.Sprintf("%s while it worked on %s %s", c.exit, c.method, c.path)
				if log := p.log.String(); !strings.Contains(log, `"reason":"`+want) || strings.Contains(log, "secret") {
					t.Errorf("the log lacks %q, or has the query", want)
				}
				if n := p.requests(c.path); n != 1 {
					t.Errorf("the instances got the request %d times", n)
				}
				if n := p.deaths(); n != 1 {
					t.Errorf("%d instances died", n)
				}
			})
		}
	}
}

// TestTunnelCulprit: a message on a WebSocket that ends its instance is named with the
// request that opened it, and the client sees the end.
func TestTunnelCulprit(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, engine := range []string{"fast", "std"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			p := spawnMortal(t, engine)
			c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			message := "\x81\x81\x00\x00\x00\x00x" // a masked text frame
			_, _ = io.WriteString(c, "GET /ws?secret=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"+message)
			_ = c.SetReadDeadline(time.Now().Add(30 * time.Second)) // the read reports the error
			answer, err := io.ReadAll(c)
			if !strings.HasPrefix(string(answer), "HTTP/1.1 101 ") || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %q, %v", answer, err)
			}
			daemontest.Eventually(t, "the death in the log", func() bool { return p.deaths() > 0 })
			const want = `"reason":"exit status 3 while it worked on GET /ws (tunnel)`
			if log := p.log.String(); !strings.Contains(log, want) || strings.Contains(log, "secret") {
				t.Errorf("the log lacks %q, or has the query", want)
			}
		})
	}
}

// TestKilledFromOutside: a GET whose instance is killed from outside gets a response
// of another one.
func TestKilledFromOutside(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for _, engine := range []string{"fast", "std"} {
		for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
			t.Run(fmt.Sprintf("%s, %v", engine, signal), func(t *testing.T) {
				t.Parallel()
				p := spawnMortal(t, engine)
				got := p.send("GET", "/wait", nil)
				p.arrived(1)
				daemontest.Eventually(t, "the process that has it", func() bool { return inProcess.MatchString(p.log.String()) })
				victim, _ := strconv.Atoi(inProcess.FindStringSubmatch(p.log.String())[1])
				if err := syscall.Kill(victim, signal); err != nil {
					t.Fatal(err)
				}
				if a := <-got; a.err != nil || a.status != "200 OK" {
					t.Errorf("%+v", a)
				}
				daemontest.Eventually(t, "both requests in the log", func() bool { return p.requests("/wait") == 2 })
				if strings.Contains(p.log.String(), "while it worked on") {
					t.Error("the request is named as the reason")
				}
			})
		}
	}
	t.Run("also by the app", func(t *testing.T) { // what the kernel does not tell apart
		t.Parallel()
		p := spawnMortal(t, "fast")
		if got := <-p.send(http.MethodGet, "/kill", nil); got.status != "502 Bad Gateway" {
			t.Errorf("%+v", got)
		}
		daemontest.Eventually(t, "both requests in the log", func() bool { return p.requests("/kill") == 2 })
	})
}
