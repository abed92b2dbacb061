package recipe

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/dynlb/dynlb/internal/pattern"
)

// The objects of Python that servers of ASGI and WSGI run.
var (
	asgiObject   = pattern.New(`(?m)^(\w+)(?:\s*:\s*\w+)?\s*=\s*(?:\w+\.)?(?:FastAPI|Starlette|Litestar|Quart|BlackSheep)\(`)
	wsgiObject   = pattern.New(`(?m)^(\w+)(?:\s*:\s*\w+)?\s*=\s*(?:\w+\.)?(Flask|Bottle|Falcon|App)\(`)
	wsgiCallable = pattern.New(`(?m)^(?:def )?(application|app)\b\s*[=(]`)
)

// python returns the recipe for an app of Python.
func (f folder) python() (*Recipe, error) {
	if f.has("manage.py") {
		return f.django(), nil
	}
	name := f.first("main.py", "app.py", "wsgi.py", "asgi.py", "server.py", "application.py", "src/main.py", "src/app.py")
	if name == "" {
		return nil, nil
	}
	r := f.pythonFile(name)
	r.From = name
	return r, nil
}

// django returns the recipe for a project of Django.
func (f folder) django() *Recipe {
	r := &Recipe{From: "manage.py", Env: []Variable{unbuffered}, Command: []string{f.pythonProgram(), "manage.py", "runserver", "--noreload", loopback}}
	modules, err := filepath.Glob(filepath.Join(f.dir, "*", "wsgi.py"))
	if gunicorn := f.tool("gunicorn"); err == nil && len(modules) == 1 && gunicorn != "" {
		r.Command = []string{gunicorn, "-b", loopback, filepath.Base(filepath.Dir(modules[0])) + ".wsgi"}
	} else {
		r.Notes = append(r.Notes, "This is the development server of Django. With gunicorn installed: [gunicorn, -b, \""+loopback+"\", PROJECT.wsgi].")
	}
	r.Notes = append(r.Notes, "Django answers only the hosts in ALLOWED_HOSTS, and the health check asks for 127.0.0.1.")
	return r
}

// unbuffered has Python send on what is printed at once: into a pipe, it does so when 8 KiB
// are there.
var unbuffered = Variable{"PYTHONUNBUFFERED", "1"}

// pythonFile returns the recipe for a file of Python.
func (f folder) pythonFile(name string) *Recipe {
	r := f.pythonObject(name)
	r.Env = append(r.Env, unbuffered)
	return r
}

// pythonObject returns the recipe by the object in a file.
func (f folder) pythonObject(name string) *Recipe {
	text := f.read(name)
	module := strings.ReplaceAll(strings.TrimSuffix(filepath.ToSlash(name), ".py"), "/", ".")
	if m := asgiObject().FindStringSubmatch(text); m != nil {
		return &Recipe{Command: append(f.module("uvicorn"), "--port", portPlaceholder, module+":"+m[1])}
	}
	object, flask := "", false
	if m := wsgiObject().FindStringSubmatch(text); m != nil {
		object, flask = m[1], m[2] == "Flask"
	} else if m := wsgiCallable().FindStringSubmatch(text); m != nil && !strings.Contains(text, "__main__") {
		object = m[1]
	}
	gunicorn := f.tool("gunicorn")
	switch {
	case object != "" && gunicorn != "":
		return &Recipe{Command: []string{gunicorn, "-b", loopback, module + ":" + object}}
	case flask:
		return &Recipe{
			Command: append(f.module("flask"), "--app", module+":"+object, "run", "--port", portPlaceholder),
			Notes:   []string{"This is the development server of Flask. With gunicorn installed: [gunicorn, -b, \"" + loopback + "\", \"" + module + ":" + object + "\"]."},
		}
	}
	return &Recipe{Command: []string{f.pythonProgram(), name}}
}

// environments are the usual folders of a virtual environment.
var environments = []string{".venv", "venv"}

// tool returns a program of the virtual environment or, without one, of the PATH; "" if
// there is none.
func (f folder) tool(name string) string {
	for _, env := range environments {
		if f.has(filepath.Join(env, "bin", "python")) {
			if own := filepath.Join(env, "bin", name); f.has(own) {
				return "./" + own
			}
			return ""
		}
	}
	if onPath(name) {
		return name
	}
	return ""
}

// module returns the command that runs a program of Python: itself, or its module.
func (f folder) module(name string) []string {
	if own := f.tool(name); own != "" {
		return []string{own}
	}
	return []string{f.pythonProgram(), "-m", name}
}

func (f folder) pythonProgram() string {
	programs := []string{"python3", "python"}
	if i := slices.IndexFunc(programs, func(p string) bool { return f.tool(p) != "" }); i >= 0 {
		return f.tool(programs[i])
	}
	return programs[0]
}
