package local

import (
	"strings"
	"testing"
)

// TestLastWords has the output of runtimes when a program fails.
func TestLastWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, output, want string }{
		{"nothing", "", ""},
		{"one line", "giving up: no database", "giving up: no database"},
		{"the last line", `listening on 5001
giving up: no database
bye`, "bye"},
		{"Bun", `1 | throw new Error("DATABASE_URL is missing")
              ^
error: DATABASE_URL is missing
      at /srv/app.ts:1:11
Bun v1.4.5 (Linux x64)`, "error: DATABASE_URL is missing"},
		{"Bun, fields of the error", `1 | require("fs").readFileSync("/nope")
                  ^
ENOENT: no such file or directory, open '/nope'
    path: "/nope",
 syscall: "open",
   errno: -2,
    code: "ENOENT"
      at <anonymous> (/srv/app.js:1:15)
Bun v1.4.5 (Linux x64)`, "ENOENT: no such file or directory, open '/nope'"},
		{"Bun, no stack", `error: text only
text only
Bun v1.4.5 (Linux x64)`, "error: text only"},
		{"Bun, a script", `$ bun run app.ts
1 | throw new Error("DATABASE_URL is missing")
              ^
error: DATABASE_URL is missing
      at /srv/app.ts:1:11
Bun v1.4.5 (Linux x64)
error: script "start" exited with code 1`, "error: DATABASE_URL is missing"},
		{"Node", `/srv/app.js:1
throw new Error("DATABASE_URL is missing")
^
Error: DATABASE_URL is missing
    at Object.<anonymous> (/srv/app.js:1:7)
    at node:internal/main/run_main_module:28:49
Node.js v20.20.2`, "Error: DATABASE_URL is missing"},
		{"Node, a message of two lines", `TypeError: deep
second line
    at f (/srv/app.js:1:21)
Node.js v20.20.2`, "TypeError: deep"},
		{"Node, no such module", `node:internal/modules/cjs/loader:1210
  throw err;
  ^
Error: Cannot find module './nothere'
Require stack:
- /srv/app.js
    at Module._resolveFilename (node:internal/modules/cjs/loader:1207:15)
    at node:internal/main/run_main_module:28:49 {
  code: 'MODULE_NOT_FOUND',
  requireStack: [ '/srv/app.js' ]
}
Node.js v20.20.2`, "Error: Cannot find module './nothere'"},
		{"Node, an error with a code", `TypeError [ERR_INVALID_ARG_TYPE]: The "path" argument must be of type string
    at open (node:fs:1:1)
Node.js v20.20.2`, `TypeError [ERR_INVALID_ARG_TYPE]: The "path" argument must be of type string`},
		{"Node, an error of another name", `ConfigMissing: DATABASE_URL
    at Object.<anonymous> (/srv/app.js:1:70) {
  [cause]: Error: inner cause
      at Object.<anonymous> (/srv/app.js:1:112)
}
Node.js v20.20.2`, "ConfigMissing: DATABASE_URL"},
		{"Node, an event", `      throw er; // Unhandled 'error' event
      ^
Error: listen EADDRNOTAVAIL: address not available 203.0.113.1:1
    at listenInCluster (node:net:1965:12)
Emitted 'error' event on Server instance at:
    at emitErrorNT (node:net:1944:8) {
  code: 'EADDRNOTAVAIL'
}
Node.js v20.20.2`, "Error: listen EADDRNOTAVAIL: address not available 203.0.113.1:1"},
		{"Node, no error thrown", `/srv/app.js:1
throw "text only"
^
text only
(Use ` + "`" + `node --trace-uncaught ...` + "`" + ` to show where the exception was thrown)
Node.js v20.20.2`, "text only"},
		{"Python", `Traceback (most recent call last):
  File "/srv/app.py", line 1, in <module>
    raise ValueError("text")
ValueError: text`, "ValueError: text"},
		{"Python, one error after another", `  File "/srv/app.py", line 4, in f
    return os.environ["SECRET_KEY"]
           ~~~~~~~~~~^^^^^^^^^^^^^^
KeyError: 'SECRET_KEY'
During handling of the above exception, another exception occurred:
Traceback (most recent call last):
  File "/srv/app.py", line 9, in <module>
    raise ImproperlyConfigured("set SECRET_KEY")
django.core.exceptions.ImproperlyConfigured: set SECRET_KEY`, "django.core.exceptions.ImproperlyConfigured: set SECRET_KEY"},
		{"Python, its output comes late", `Traceback (most recent call last):
  File "/srv/app.py", line 1, in <module>
ValueError: text
starting`, "ValueError: text"},
		{"Python, the server has the last word", `ERROR:    Traceback (most recent call last):
  File "/srv/app.py", line 3, in lifespan
    raise RuntimeError("DATABASE_URL is missing")
RuntimeError: DATABASE_URL is missing
ERROR:    Application startup failed. Exiting.`, "RuntimeError: DATABASE_URL is missing"},
		{"Go", `panic: DATABASE_URL is missing
goroutine 1 [running]:
main.open(0x33e62fe84000?)
	/srv/main.go:4 +0x4e
main.main()
	/srv/main.go:5 +0x25
exit status 2`, "panic: DATABASE_URL is missing"},
		{"Go, a fault", `panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47e7a2]
goroutine 1 [running]:
main.main()
	/srv/main.go:5 +0x25`, "panic: runtime error: invalid memory address or nil pointer dereference"},
		{"Go, the runtime", `fatal error: all goroutines are asleep - deadlock!
goroutine 1 [select (no cases)]:
main.main()
	/srv/main.go:5 +0x25`, "fatal error: all goroutines are asleep - deadlock!"},
		{"Go, the log", `2026/01/02 15:04:05 DATABASE_URL is missing
exit status 1`, "2026/01/02 15:04:05 DATABASE_URL is missing"},
		{"Ruby", `app.rb:1:in 'Object#open': DATABASE_URL is missing (RuntimeError)
	from app.rb:3:in '<main>'`, "app.rb:1:in 'Object#open': DATABASE_URL is missing (RuntimeError)"},
		{"Java", `Exception in thread "main" java.lang.IllegalStateException: DATABASE_URL is missing
	at Main.main(Main.java:1)`, `Exception in thread "main" java.lang.IllegalStateException: DATABASE_URL is missing`},
		{"Java, the cause", `Exception in thread "main" java.lang.IllegalStateException: no number
	at Main.main(Main.java:1)
Caused by: java.lang.NumberFormatException: For input string: "x"
	... 1 more`, `Caused by: java.lang.NumberFormatException: For input string: "x"`},
		{"PHP", `PHP Fatal error:  Uncaught Exception: DATABASE_URL is missing in /srv/app.php:3
Stack trace:
#0 {main}
  thrown in /srv/app.php on line 3`, "PHP Fatal error:  Uncaught Exception: DATABASE_URL is missing in /srv/app.php:3"},
		{"Rust", `thread 'main' (3631) panicked at src/main.rs:1:12:
DATABASE_URL is missing
stack backtrace:
   0: std::panicking::begin_panic::<&str>
   1: app::main
note: run with ` + "`" + `RUST_BACKTRACE=full` + "`" + ` for a verbose backtrace.`, "DATABASE_URL is missing"},
		{"Perl", "DATABASE_URL is missing at app.pl line 1.", "DATABASE_URL is missing at app.pl line 1."},
		{"no line with information", `    at f (/srv/app.js:1:1)
}
Node.js v20.20.2`, "Node.js v20.20.2"},
		{"all indented", `  one
  two`, "two"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var lines []string
			if c.output != "" {
				lines = strings.Split(c.output, "\n")
			}
			if got, _ := lastWords(lines); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
