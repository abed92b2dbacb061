package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A server is one that runs the app of the soak.
type server struct {
	name    string
	command []string // {apps} is the folder of the apps; the first word is the program
	from    string   // how the program is installed
	chunked bool     // it reads chunked content
}

const wsgi = "app:application"

var bunServer = server{
	name: "Bun", from: "make soak installs it", chunked: true,
	command: []string{"examples/bun/node_modules/.bin/bun", "run", "{apps}/app.ts", "--port", "{port}"},
}

// mixed are the servers of a mixed soak. Each is one that was seen to do something
// that a load balancer must cope with: close idle connections early (gthread, after
// 2 s) or silently after each response (uWSGI), work on one request at a time (sync,
// uWSGI, php), send content that no response has (WSGI servers, the stand-in).
var mixed = []server{
	bunServer,
	{
		name: "Node", from: "https://nodejs.org", chunked: true,
		command: []string{"node", "{apps}/app.mjs", "{port}"},
	},
	{
		name: "gunicorn sync", from: "apt-get install gunicorn", chunked: true,
		command: []string{"gunicorn", "-b", "127.0.0.1:{port}", "--chdir", "{apps}", "--workers", "2", wsgi},
	},
	{
		name: "gunicorn gthread", from: "apt-get install gunicorn", chunked: true,
		command: []string{"gunicorn", "-b", "127.0.0.1:{port}", "--chdir", "{apps}", "--threads", "8", "--keep-alive", "2", wsgi},
	},
	{
		name: "uWSGI http-socket", from: "apt-get install uwsgi-core uwsgi-plugin-python3",
		command: []string{
			"uwsgi", "--plugin", "python3", "--http-socket", "127.0.0.1:{port}", "--chdir", "{apps}",
			"--module", wsgi, "--need-app", "--die-on-term", "--disable-logging",
		},
	},
	{
		name: "php -S", from: "apt-get install php-cli",
		command: []string{"php", "-S", "127.0.0.1:{port}", "{apps}/app.php"},
	},
	{
		name: "stray bytes", from: "the soak itself", chunked: true,
		command: []string{"{self}", "stray", "{port}"},
	},
}

// find returns the command with what is in braces replaced, except the port. It
// fails when the program is missing.
func (s server) find() ([]string, error) {
	apps, err := find("soak/apps")
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	places := strings.NewReplacer("{apps}", apps, "{self}", self)
	command := make([]string, len(s.command))
	for i, word := range s.command {
		command[i] = places.Replace(word)
	}
	program, err := exec.LookPath(command[0])
	if err == nil {
		program, err = filepath.Abs(program)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: the program %s is missing (%s)", s.name, command[0], s.from)
	}
	command[0] = program
	return command, nil
}

// choose returns the servers with the given names, separated by commas, or all. It
// fails when the program of one is missing, and names all of those.
func choose(names string) (chosen []server, commands [][]string, err error) {
	var missing []error
	left := map[string]bool{}
	for name := range strings.SplitSeq(names, ",") {
		left[name] = name != ""
	}
	for _, s := range mixed {
		if names != "" && !left[s.name] {
			continue
		}
		delete(left, s.name)
		command, err := s.find()
		chosen, commands, missing = append(chosen, s), append(commands, command), append(missing, err)
	}
	for name, unknown := range left {
		if unknown {
			missing = append(missing, fmt.Errorf("%w: no server %q", errUsage, name))
		}
	}
	return chosen, commands, errors.Join(missing...)
}
