// Package recipe finds out how the app in a folder is started, and writes that as a
// config: from package.json, a Procfile, or the files that Python, Ruby, PHP and Go apps
// have. It reads files and looks for programs on the PATH, and starts nothing but
// `node --version`.
package recipe

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Recipe is how an app is started.
type Recipe struct {
	// From says what it was made from: "scripts.start in package.json".
	From string
	// Command is the program and its arguments, as the config key takes it.
	Command []string
	// Env are variables that the app should have.
	Env []Variable
	// Build is the command to run first, if the program is not built yet. Nil: none.
	Build []string
	// Notes are sentences for the reader of the config.
	Notes []string
}

// Variable is a variable of the environment.
type Variable struct{ Name, Value string }

// portPlaceholder stands for the port in a command of the config.
const portPlaceholder = "{port}"

// loopback is the address and the port on which servers listen that need an address.
const loopback = "127.0.0.1:" + portPlaceholder

// ErrNone reports that a folder has no app of a known kind.
var ErrNone = errors.New("no app found: no Procfile, package.json, index.ts, app.js, manage.py, app.py, config.ru, app.rb, index.php or go.mod")

// UnknownError is the name of what is neither a file nor a program.
type UnknownError string

// Error says so.
func (e UnknownError) Error() string {
	return fmt.Sprintf("unknown argument %q: it is neither a file here nor a program on the PATH", string(e))
}

// Find returns the recipe for the app in a folder, or [ErrNone].
func Find(dir string) (*Recipe, error) {
	f := folder{dir}
	for _, find := range []func(folder) (*Recipe, error){
		folder.procfile, folder.manifest, folder.script, folder.python, folder.ruby, folder.php, folder.golang,
	} {
		if r, err := find(f); r != nil || err != nil {
			return r, err
		}
	}
	return nil, ErrNone
}

// For returns the recipe for what a command line names, seen from a folder: a file that
// a runtime is known for, with arguments for it, or a command.
func For(dir string, args []string) (*Recipe, error) {
	f, name := folder{dir}, args[0]
	var r *Recipe
	var err error
	switch extension := filepath.Ext(name); {
	case !f.has(name):
		if extension != "" && (scriptRank(extension) >= 0 || slices.Contains([]string{".py", ".rb", ".ru", ".php"}, extension)) {
			return nil, fmt.Errorf("%s: no such file", name)
		}
		if len(args) == 1 && !onPath(name) {
			return nil, UnknownError(name)
		}
		return &Recipe{From: "the command line", Command: args}, nil
	case scriptRank(extension) >= 0:
		r, err = f.scriptFile(name)
	case extension == ".py":
		r = f.pythonFile(name)
	case extension == ".ru":
		r = f.rackup(name)
	case extension == ".rb":
		r = f.rubyFile(name)
	case extension == ".php":
		r = &Recipe{Command: []string{"php", "-S", loopback, name}, Notes: []string{phpNote}}
	default:
		command := slices.Clone(args)
		if !strings.ContainsRune(name, filepath.Separator) {
			command[0] = "." + string(filepath.Separator) + name // not one on the PATH
		}
		return &Recipe{From: name, Command: command}, nil
	}
	if err != nil {
		return nil, err
	}
	r.From = name
	r.Command = append(r.Command, args[1:]...)
	return r, nil
}

// folder is the folder of an app.
type folder struct{ dir string }

func (f folder) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(f.dir, name)
}

// has reports whether there is a regular file.
func (f folder) has(name string) bool {
	info, err := os.Stat(f.path(name))
	return err == nil && info.Mode().IsRegular()
}

// first returns the first of the files that exists, or "".
func (f folder) first(names ...string) string {
	for _, name := range names {
		if f.has(name) {
			return name
		}
	}
	return ""
}

// read returns the text of a file, "" if it cannot be read. A source is small: of a
// larger file the start is enough.
func (f folder) read(name string) string {
	const limit = 1 << 20
	data, err := os.ReadFile(f.path(name))
	if err != nil {
		return ""
	}
	return string(data[:min(len(data), limit)])
}

// onPath reports whether a program is on the PATH.
func onPath(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
