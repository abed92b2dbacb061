package local

import (
	"log/slog"
	"strconv"
	"strings"

	"github.com/dynlb/dynlb/internal/registry"
)

// socketPlaceholder stands for the path of the instance's socket in the values of Env.
const socketPlaceholder = "{socket}"

// place is where a child listens: on a port or on a Unix socket.
type place struct {
	port   int           // 0 if it has a socket
	folder *socketFolder // with its socket; nil if it has a port
}

// choosePlace returns where the next child listens that runs program. It runs in the loop.
func (f *Fleet) choosePlace(program *Program) (place, error) {
	if !program.onSocket() {
		port, err := f.ports.take(f.settings().BasePort, f.bind)
		return place{port: port}, err
	}
	runtime := f.runtime(program.Account)
	if f.sweptRuntime != runtime {
		removeStaleSockets(runtime)
		f.sweptRuntime = runtime
	}
	folder, err := makeSocketFolder(runtime, program.Account)
	return place{folder: folder}, err
}

// socket returns the path of the child's socket, or "".
func (p place) socket() string {
	if p.folder == nil {
		return ""
	}
	return p.folder.socket()
}

// endpoints are where the child may listen, in the order of the probes: an app that
// listens on "localhost" may get an address of IPv4 or IPv6.
func (p place) endpoints() []registry.Endpoint {
	if path := p.socket(); path != "" {
		return []registry.Endpoint{{Network: "unix", Address: path}}
	}
	return []registry.Endpoint{registry.TCP(hosts[0], p.port), registry.TCP(hosts[1], p.port)}
}

// attr returns the place for a log.
func (p place) attr() slog.Attr {
	if path := p.socket(); path != "" {
		return slog.String("socket", path)
	}
	return slog.Int("port", p.port)
}

// argv returns the program and the arguments of the child.
func (p place) argv(program *Program) []string {
	if path := p.socket(); path != "" {
		return program.SocketArgv(path)
	}
	return program.Argv(p.port)
}

// environ adds to an environment what tells the child where to listen. A child with a
// socket does not get the PORT of dynlb itself.
func (p place) environ(env []string) []string {
	path := p.socket()
	if path == "" {
		return append(env, "PORT="+strconv.Itoa(p.port))
	}
	kept := env[:0]
	for _, entry := range env {
		if !strings.HasPrefix(entry, "PORT=") {
			kept = append(kept, entry)
		}
	}
	return append(kept, "DYNLB_SOCKET="+path)
}

// expand returns a value of Env as the child gets it.
func (p place) expand(value string) string {
	if path := p.socket(); path != "" {
		return strings.ReplaceAll(value, socketPlaceholder, path)
	}
	return value
}

// hosts are where an instance may listen, in the order of the probes: an app that
// listens on "localhost" may get either.
var hosts = []string{"127.0.0.1", "::1"}
