package recipe

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/dynlb/dynlb/internal/pattern"
)

// ruby returns the recipe for an app of Ruby: Rails, Rack, or a program.
func (f folder) ruby() (*Recipe, error) {
	var r *Recipe
	name := f.first("bin/rails", "config.ru", "app.rb", "server.rb", "main.rb")
	switch name {
	case "":
		return nil, nil
	case "bin/rails":
		r = &Recipe{
			Command: []string{"./bin/rails", "server", "-b", "127.0.0.1", "-p", portPlaceholder, "-P", "tmp/pids/{port}.pid"},
			Env:     []Variable{{"RAILS_ENV", "production"}},
		}
	case "config.ru":
		r = f.rackup(name)
	default:
		r = f.rubyFile(name)
	}
	r.From = name
	return r, nil
}

// rackup returns the recipe for an app of Rack.
func (f folder) rackup(name string) *Recipe {
	command := []string{"puma", "-b", "tcp://" + loopback, name}
	if !onPath("puma") && !strings.Contains(f.read("Gemfile.lock"), " puma ") {
		command = []string{"rackup", "-o", "127.0.0.1", "-p", portPlaceholder, name}
	}
	if f.has("Gemfile") {
		command = append([]string{"bundle", "exec"}, command...)
	}
	return &Recipe{Command: command, Env: []Variable{{"RACK_ENV", "production"}}}
}

// rubyFile returns the recipe for a program of Ruby. One of Sinatra takes the port as an
// argument.
func (f folder) rubyFile(name string) *Recipe {
	command := []string{"ruby", name}
	if f.has("Gemfile") {
		command = append([]string{"bundle", "exec"}, command...)
	}
	if strings.Contains(f.read(name), "sinatra") {
		command = append(command, "-p", portPlaceholder)
	}
	return &Recipe{Command: command}
}

const phpNote = "php -S works on one request at a time; dynlb adds instances for more."

// php returns the recipe for an app of PHP, with the server that is built in.
func (f folder) php() (*Recipe, error) {
	name := f.first("artisan", "public/index.php", "index.php")
	command := []string{"php", "-S", loopback}
	switch name {
	case "":
		return nil, nil
	case "artisan":
		command = []string{"php", "-S", loopback, "-t", "public", "vendor/laravel/framework/src/Illuminate/Foundation/resources/server.php"}
	case "public/index.php":
		command = append(command, "-t", "public")
	}
	return &Recipe{From: name, Command: command, Notes: []string{phpNote}}, nil
}

var (
	moduleLine  = pattern.New(`(?m)^module\s+"?([^\s"]+)`)
	packageMain = pattern.New(`(?m)^package main\b`)
)

// golang returns the recipe for a program of Go: that of the folder, or the only one below
// cmd.
func (f folder) golang() (*Recipe, error) {
	m := moduleLine().FindStringSubmatch(f.read("go.mod"))
	if m == nil {
		return nil, nil
	}
	name, source := path.Base(m[1]), "."
	if !f.isProgram(".") {
		programs, err := filepath.Glob(filepath.Join(f.dir, "cmd", "*", "main.go"))
		if err != nil {
			return nil, err
		}
		if len(programs) != 1 {
			return nil, nil
		}
		name = filepath.Base(filepath.Dir(programs[0]))
		source = "./cmd/" + name
	}
	r := &Recipe{From: "go.mod", Command: []string{"./" + name}}
	if !f.has(name) {
		r.Build = []string{"go", "build", "-o", name, source}
	}
	r.Notes = []string{"Build it again after a change: go build -o " + name + " " + source}
	return r, nil
}

// isProgram reports whether a folder has a file of the package main.
func (f folder) isProgram(dir string) bool {
	files, err := filepath.Glob(filepath.Join(f.dir, dir, "*.go"))
	if err != nil {
		return false
	}
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") && packageMain().MatchString(f.read(file)) {
			return true
		}
	}
	return false
}
