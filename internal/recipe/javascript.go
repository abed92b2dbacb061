package recipe

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// scriptExtensions are those of JavaScript and TypeScript, in the order in which an entry
// point is searched.
var scriptExtensions = []string{".ts", ".js", ".mjs", ".cjs", ".mts", ".cts", ".tsx", ".jsx"}

// scriptRank returns the place of an extension among those of scripts; -1 if it is none.
func scriptRank(extension string) int { return slices.Index(scriptExtensions, extension) }

// packageJSON is what counts of a package.json.
type packageJSON struct {
	Main            string            `json:"main"`
	Module          string            `json:"module"`
	Scripts         map[string]string `json:"scripts"`
	Dependencies    map[string]string `json:"dependencies"`
	DevDependencies map[string]string `json:"devDependencies"`
	Engines         map[string]string `json:"engines"`
	PackageManager  string            `json:"packageManager"`
}

// production has Bun, Express, React and others leave out what is for development.
var production = Variable{"NODE_ENV", "production"}

// manifest returns the recipe for a package.json: its script start, or its entry point.
func (f folder) manifest() (*Recipe, error) {
	text := f.read("package.json")
	if text == "" {
		return nil, nil
	}
	var p packageJSON
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return nil, fmt.Errorf("read package.json: %w", err)
	}
	var r *Recipe
	var err error
	if start := p.Scripts["start"]; start != "" {
		r = f.startScript(start)
	} else if r, err = f.entryPoint(&p); err != nil || r == nil {
		return r, err
	}
	if !slices.ContainsFunc(r.Env, func(v Variable) bool { return v.Name == production.Name }) {
		r.Env = append(r.Env, production)
	}
	if build := p.Scripts["build"]; build != "" {
		r.Notes = append(r.Notes, "Build it first, and again after a change: "+f.manager()+" run build.")
	}
	return r, nil
}

// startScript returns the recipe for the script start.
func (f folder) startScript(line string) *Recipe {
	r := words(line)
	if r == nil { // it needs a shell, which the package manager starts
		return &Recipe{From: "scripts.start in package.json", Command: []string{f.manager(), "run", "start"}}
	}
	r.From = "scripts.start in package.json"
	switch r.Command[0] {
	case "nodemon":
		r.Command[0] = "node"
	case "pm2", "pm2-runtime": // what dynlb is in place of
		if name := f.first(scriptsOf(r.Command[1:])...); name != "" {
			script, err := f.scriptFile(name)
			if err == nil {
				r.Command = script.Command
			}
		}
	}
	r.Command = slices.DeleteFunc(r.Command, func(word string) bool { return word == "--watch" || word == "--hot" })
	if own := filepath.Join("node_modules", ".bin", r.Command[0]); f.has(own) {
		r.Command[0] = "./" + own
	}
	return r
}

// manager returns the package manager of a folder.
func (f folder) manager() string {
	switch {
	case f.first("bun.lock", "bun.lockb") != "":
		return "bun"
	case f.has("pnpm-lock.yaml"):
		return "pnpm"
	case f.has("yarn.lock"):
		return "yarn"
	}
	return "npm"
}

// scriptsOf returns the arguments that are scripts and not configs of PM2.
func scriptsOf(args []string) []string {
	return slices.DeleteFunc(slices.Clone(args), func(arg string) bool {
		return scriptRank(filepath.Ext(arg)) < 0 || strings.Contains(arg, ".config.")
	})
}

// entryPoint returns the recipe for the entry point of a package. A package without one is
// no app: it may belong to the build of an app in another language.
func (f folder) entryPoint(p *packageJSON) (*Recipe, error) {
	for _, name := range []string{p.Module, p.Main} {
		if name == "" || !f.has(name) {
			continue
		}
		r, err := f.scriptFile(name)
		if err == nil {
			r.From = "package.json"
		}
		return r, err
	}
	r, err := f.script()
	if name := cmp.Or(p.Module, p.Main); r == nil && err == nil && name != "" {
		return nil, fmt.Errorf("package.json names %s, which is missing; build it first, or correct main", name)
	}
	return r, err
}

// script returns the recipe for a script with one of the usual names.
func (f folder) script() (*Recipe, error) {
	for _, dir := range []string{"", "src"} {
		for _, base := range []string{"index", "app", "server", "main"} {
			for _, extension := range scriptExtensions[:4] {
				name := filepath.Join(dir, base+extension)
				if !f.has(name) {
					continue
				}
				r, err := f.scriptFile(name)
				if err == nil {
					r.From = name
				}
				return r, err
			}
		}
	}
	return nil, nil
}

// scriptFile returns the recipe for a script, with Bun or Node.
func (f folder) scriptFile(name string) (*Recipe, error) {
	typescript := strings.Contains(filepath.Ext(name), "t") || filepath.Ext(name) == ".jsx"
	bun, node := onPath("bun"), onPath("node")
	wantsBun := f.wantsBun() || typescript || strings.Contains(f.read(name), "Bun.") || !node
	switch {
	case bun && wantsBun:
		return &Recipe{Command: []string{"bun", "run", name}, Env: []Variable{production}}, nil
	case node && (!typescript || nodeReadsTypes()):
		return &Recipe{Command: []string{"node", name}, Env: []Variable{production}}, nil
	case node:
		return nil, fmt.Errorf("%s is TypeScript, which needs Bun, or Node 22.18 or later (npm install -g --allow-scripts=bun bun)", name)
	}
	return nil, errors.New("neither bun nor node is on the PATH (https://bun.sh, https://nodejs.org)")
}

// wantsBun reports whether the package says that it is for Bun.
func (f folder) wantsBun() bool {
	var p packageJSON
	_ = json.Unmarshal([]byte(f.read("package.json")), &p) // a file that is wrong says nothing
	return strings.HasPrefix(p.PackageManager, "bun@") || p.Engines["bun"] != "" || f.first("bun.lock", "bun.lockb") != ""
}

// nodeReadsTypes reports whether the node on the PATH runs TypeScript, which is so without
// a flag from 22.18 on, and from 23.6 on.
func nodeReadsTypes() bool {
	output, err := exec.Command("node", "--version").Output() //nolint:noctx // it ends at once
	if err != nil {
		return false
	}
	major, minor := version(strings.TrimSpace(strings.TrimPrefix(string(output), "v")))
	return major > 23 || major == 23 && minor >= 6 || major == 22 && minor >= 18
}

// version returns the first two numbers of a version; 0 for what is no number.
func version(text string) (major, minor int) {
	parts := strings.SplitN(text, ".", 3)
	major, _ = strconv.Atoi(parts[0])
	if len(parts) > 1 {
		minor, _ = strconv.Atoi(parts[1])
	}
	return major, minor
}
