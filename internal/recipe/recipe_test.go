package recipe

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// write makes a folder with files, by their names.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// usePrograms makes a PATH with programs that do not exist on every machine.
func usePrograms(t *testing.T, names ...string) {
	t.Helper()
	files := map[string]string{}
	for _, name := range names {
		files[name] = "#!/bin/sh\necho v20.20.0\n"
	}
	t.Setenv("PATH", write(t, files))
}

// TestFind: the command of an app is that of its Procfile or package.json, or follows from
// the files that there are.
func TestFind(t *testing.T) {
	usePrograms(t, "bun", "node", "python3", "gunicorn", "uvicorn", "puma")
	for name, c := range map[string]struct {
		files map[string]string
		want  string
		env   string
	}{
		"a script of Node": {
			files: map[string]string{"package.json": `{"scripts": {"start": "NODE_ENV=staging PORT=3000 node --watch server.js -p 3000"}}`},
			want:  "node server.js -p {port}", env: "NODE_ENV=staging",
		},
		"a script that needs a shell": {
			files: map[string]string{"package.json": `{"scripts": {"start": "tsc && node dist/app.js"}}`, "pnpm-lock.yaml": ""},
			want:  "pnpm run start", env: "NODE_ENV=production",
		},
		"a program of a package": {
			files: map[string]string{"package.json": `{"scripts": {"start": "next start -p $PORT"}}`, "node_modules/.bin/next": ""},
			want:  "./node_modules/.bin/next start -p {port}", env: "NODE_ENV=production",
		},
		"the entry point for Node": {
			files: map[string]string{"package.json": `{"main": "lib/main.js"}`, "lib/main.js": ""},
			want:  "node lib/main.js", env: "NODE_ENV=production",
		},
		"the entry point for Bun": {
			files: map[string]string{"package.json": `{"packageManager": "bun@1.4.5"}`, "src/server.js": ""},
			want:  "bun run src/server.js", env: "NODE_ENV=production",
		},
		"a file for Bun":       {files: map[string]string{"index.ts": ""}, want: "bun run index.ts", env: "NODE_ENV=production"},
		"a file that uses Bun": {files: map[string]string{"app.js": "Bun.serve({})"}, want: "bun run app.js", env: "NODE_ENV=production"},
		"a Procfile": {
			files: map[string]string{"Procfile": "worker: x\nweb: gunicorn shop.wsgi -b 127.0.0.1:$PORT\n", "package.json": "{}"},
			want:  "gunicorn shop.wsgi -b 127.0.0.1:{port}",
		},
		"a Procfile for a shell": {
			files: map[string]string{"Procfile": "web: uvicorn a:b --port ${PORT:-8000} --workers $WORKERS\n"},
			want:  "sh -c exec uvicorn a:b --port ${PORT:-8000} --workers $WORKERS",
		},
		"PM2": {
			files: map[string]string{"package.json": `{"scripts": {"start": "pm2-runtime start server.js -i 4"}}`, "server.js": ""},
			want:  "node server.js", env: "NODE_ENV=production",
		},
		"FastAPI":               {files: map[string]string{"main.py": "api = FastAPI(title='x')\n"}, want: "uvicorn --port {port} main:api", env: "PYTHONUNBUFFERED=1"},
		"Flask":                 {files: map[string]string{"app.py": "from flask import Flask\napp = Flask(__name__)\n"}, want: "gunicorn -b 127.0.0.1:{port} app:app", env: "PYTHONUNBUFFERED=1"},
		"Django":                {files: map[string]string{"manage.py": "", "shop/wsgi.py": ""}, want: "gunicorn -b 127.0.0.1:{port} shop.wsgi", env: "PYTHONUNBUFFERED=1"},
		"a program of Python":   {files: map[string]string{"app.py": "app = 1\nif __name__ == '__main__': pass\n"}, want: "python3 app.py", env: "PYTHONUNBUFFERED=1"},
		"a virtual environment": {files: map[string]string{"main.py": "app = FastAPI()\n", ".venv/bin/python": "", ".venv/bin/uvicorn": ""}, want: "./.venv/bin/uvicorn --port {port} main:app", env: "PYTHONUNBUFFERED=1"},
		"Rack":                  {files: map[string]string{"config.ru": "", "Gemfile": ""}, want: "bundle exec puma -b tcp://127.0.0.1:{port} config.ru", env: "RACK_ENV=production"},
		"Sinatra":               {files: map[string]string{"app.rb": "require 'sinatra'"}, want: "ruby app.rb -p {port}"},
		"PHP":                   {files: map[string]string{"public/index.php": ""}, want: "php -S 127.0.0.1:{port} -t public"},
		"Go":                    {files: map[string]string{"go.mod": "module example.com/shop\n", "cmd/web/main.go": "package main\n"}, want: "./web"},
		"a package of styles beside PHP": {
			files: map[string]string{"package.json": `{"devDependencies": {"vite": "8"}}`, "index.php": ""}, want: "php -S 127.0.0.1:{port}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Find(write(t, c.files))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(r.Command, " "); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			env := ""
			for _, v := range r.Env {
				env += v.Name + "=" + v.Value
			}
			if env != c.env {
				t.Errorf("env %q, want %q", env, c.env)
			}
			if text := r.Config("/", ""); !slices.Equal(commandOf(t, text), r.Command) {
				t.Errorf("the config has another command:\n%s", text)
			}
		})
	}
}

// commandOf returns the command of a config.
func commandOf(t *testing.T, text string) []string {
	t.Helper()
	var c struct{ Command []string }
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return c.Command
}

// TestFindNothing: a folder without an app, and one whose app cannot be started.
func TestFindNothing(t *testing.T) {
	usePrograms(t, "node")
	if _, err := Find(write(t, map[string]string{"package.json": `{"main": "lib.js"}`})); err == nil || !strings.Contains(err.Error(), "names lib.js, which is missing") {
		t.Errorf("a missing entry point: %v", err)
	}
	if _, err := Find(write(t, map[string]string{"README.md": "", "package.json": "{}"})); !errors.Is(err, ErrNone) {
		t.Errorf("an empty folder: %v", err)
	}
	for files, want := range map[[2]string]string{
		{"package.json", `{"scripts": `}: "read package.json: unexpected end of JSON input",
		{"app.ts", ""}:                   "app.ts is TypeScript, which needs Bun, or Node 22.18 or later",
	} {
		if _, err := Find(write(t, map[string]string{files[0]: files[1]})); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", files[0], err, want)
		}
	}
}

// TestFor: what a command line names is a file of a runtime, a program, or a command.
func TestFor(t *testing.T) {
	usePrograms(t, "bun", "node", "python3")
	dir := write(t, map[string]string{"a.ts": "", "b.mjs": "", "c.py": "", "d.php": "", "server": "", "x.rb": ""})
	for args, want := range map[string]string{
		"a.ts --port 1":     "bun run a.ts --port 1",
		"b.mjs":             "node b.mjs",
		"c.py x":            "python3 c.py x",
		"d.php":             "php -S 127.0.0.1:{port} d.php",
		"server -x":         "./server -x",
		"./server":          "./server",
		"node b.mjs {port}": "node b.mjs {port}",
		"x.rb":              "ruby x.rb",
	} {
		r, err := For(dir, strings.Fields(args))
		if err != nil {
			t.Errorf("%s: %v", args, err)
		} else if got := strings.Join(r.Command, " "); got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
	if _, err := For(dir, []string{"now"}); !errors.Is(err, UnknownError("now")) {
		t.Errorf("a name of nothing: %v", err)
	}
	if _, err := For(dir, []string{"missing.ts"}); err == nil || err.Error() != "missing.ts: no such file" {
		t.Errorf("a missing file: %v", err)
	}
}
