package main

// A server is one row of the table.
type server struct {
	name string
	// command starts it, as in the config of dynlb, in the folder of the apps.
	command []string
	npm     []string // packages, each with its version; the first one is the server
	apt     []string // packages, each with the version of Debian 12; the first one is the server
	env     []string
}

const (
	gunicorn = "gunicorn=20.1.0-6+deb12u1"
	uvicorn  = "python3-uvicorn=0.17.6-1"
	rack     = "ruby-rack=2.2.22-0+deb12u2"
	python   = "/usr/bin/python3" // Debian's packages are only for this one
	address  = "127.0.0.1:{port}"
)

// list is all servers of the table, in its order.
var list = []server{
	{name: "Bun", npm: []string{"bun@1.4.5"}, command: []string{"bun", "run", "bun.ts", "{port}"}},
	{name: "Deno", npm: []string{"deno@2.9.6"}, command: []string{"deno", "run", "--allow-net", "deno.ts", "{port}"}},
	{name: "Node http", command: []string{"node", "http.mjs", "{port}"}},
	{name: "Express", npm: []string{"express@5.3.0"}, command: []string{"node", "express.mjs", "{port}"}},
	{name: "Fastify", npm: []string{"fastify@5.12.8"}, command: []string{"node", "fastify.mjs", "{port}"}},
	{name: "hapi", npm: []string{"@hapi/hapi@21.4.10"}, command: []string{"node", "hapi.mjs", "{port}"}},
	{name: "Hono on Node", npm: []string{"hono@4.13.19", "@hono/node-server@2.1.9"}, command: []string{"node", "hono.mjs", "{port}"}},
	{name: "Koa", npm: []string{"koa@3.3.0"}, command: []string{"node", "koa.mjs", "{port}"}},
	{name: "Go net/http", command: []string{"{self}", "nethttp", "{port}"}},
	{
		name: "Java HttpServer", apt: []string{"openjdk-17-jdk-headless=17.0.15+6-1~deb12u1"},
		command: []string{"java", "Server.java", "{port}"},
	},
	{
		name: "gunicorn sync", apt: []string{gunicorn},
		command: []string{"gunicorn", "-b", address, "wsgi:application"},
	},
	{
		name: "gunicorn gthread", apt: []string{gunicorn},
		command: []string{"gunicorn", "-b", address, "--threads", "8", "wsgi:application"},
	},
	{
		name: "gunicorn, uvicorn worker", apt: []string{gunicorn, uvicorn},
		command: []string{"gunicorn", "-b", address, "-k", "uvicorn.workers.UvicornWorker", "asgi:application"},
	},
	{
		name: "uvicorn", apt: []string{uvicorn},
		command: []string{python, "-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "asgi:application"},
	},
	{
		name: "Hypercorn", apt: []string{"python3-hypercorn=0.13.2-3"},
		command: []string{python, "-m", "hypercorn", "-b", address, "asgi:application"},
	},
	{
		name: "Daphne", apt: []string{"daphne=4.0.0-1"},
		command: []string{"daphne", "-b", "127.0.0.1", "-p", "{port}", "-v", "0", "asgi:application"},
	},
	{
		name: "Waitress", apt: []string{"python3-waitress=2.1.2-2+deb12u1"},
		command: []string{python, "-m", "waitress", "--listen", address, "wsgi:application"},
	},
	{
		name: "cheroot", apt: []string{"python3-cheroot=9.0.0+ds1-2"},
		command: []string{python, "wsgi.py", "cheroot", "{port}"},
	},
	{
		name: "uWSGI --http-socket", apt: []string{"uwsgi-core=2.0.21-5.1", "uwsgi-plugin-python3=2.0.21-5.1"},
		command: []string{"uwsgi", "--plugin", "python3", "--http-socket", address, "--module", "wsgi:application", "--die-on-term"},
	},
	{
		name: "uWSGI --http", apt: []string{"uwsgi-core=2.0.21-5.1", "uwsgi-plugin-python3=2.0.21-5.1"},
		command: []string{"uwsgi", "--plugins", "http,python3", "--http", address, "--module", "wsgi:application", "--master", "--die-on-term"},
	},
	{
		name: "Flask (development)", apt: []string{"python3-flask=2.2.2-3"},
		command: []string{python, "-m", "flask", "--app", "flaskapp", "run", "--port", "{port}"},
	},
	{
		name: "aiohttp", apt: []string{"python3-aiohttp=3.8.4-1+deb12u2"},
		command: []string{python, "aiohttpapp.py", "{port}"},
	},
	{
		name: "Tornado", apt: []string{"python3-tornado=6.2.0-3+deb12u4"},
		command: []string{python, "tornadoapp.py", "{port}"},
	},
	{
		name: "Twisted (WSGI)", apt: []string{"python3-twisted=22.4.0-4+deb12u1"}, env: []string{"PYTHONPATH=."},
		command: []string{"twistd3", "--nodaemon", "--pidfile=", "web", "--listen", "tcp:{port}:interface=127.0.0.1", "--wsgi", "wsgi.application"},
	},
	{name: "wsgiref", command: []string{python, "wsgi.py", "wsgiref", "{port}"}},
	{
		name: "php -S", apt: []string{"php8.2-cli=8.2.36-1~deb12u1"},
		command: []string{"php", "-S", address, "app.php"},
	},
	{
		name: "Puma", apt: []string{"puma=5.6.5-3+deb12u2", rack},
		command: []string{"puma", "-b", "tcp://" + address, "config.ru"},
	},
	{
		name: "Unicorn", apt: []string{"unicorn=6.0.0-2+b4", rack},
		command: []string{"unicorn", "-l", address, "config.ru"},
	},
	{
		name: "Thin", apt: []string{"thin=1.8.1-2", rack},
		command: []string{"thin", "start", "-a", "127.0.0.1", "-p", "{port}", "-R", "config.ru"},
	},
	{
		name: "WEBrick", apt: []string{"ruby-webrick=1.8.1-1", rack},
		command: []string{"rackup", "-s", "webrick", "-o", "127.0.0.1", "-p", "{port}", "-q", "-E", "none", "config.ru"},
	},
	{
		name: "Starman", apt: []string{"starman=0.4016-1"},
		command: []string{"starman", "--listen", address, "--workers", "4", "app.psgi"},
	},
	{
		name: "Twiggy", apt: []string{"twiggy=0.1026+dfsg-1"},
		command: []string{"twiggy", "--listen", address, "app.psgi"},
	},
	{
		name: "Mojolicious daemon", apt: []string{"libmojolicious-perl=9.31+dfsg-1"},
		command: []string{"/usr/bin/perl", "mojo.pl", "daemon", "-m", "production", "-l", "http://" + address},
	},
	{
		name: "Hypnotoad", apt: []string{"libmojolicious-perl=9.31+dfsg-1"},
		command: []string{"hypnotoad", "-f", "mojo.pl"},
	},
}
