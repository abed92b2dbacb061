package daemon_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestEnvFile: instances get the variables of envFile and the values that env has by them;
// a reload reads the file again, one that cannot be read changes nothing, and no value is
// in the log.
func TestEnvFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	app := write("app.ts", `const { PORT, GREETING, LOUD, KEPT } = process.env;
export default { port: PORT, fetch: () => new Response([GREETING, LOUD, KEPT].join(" ")) }`)
	file := write(".env", "GREETING=topsecret1\nKEPT=file\nPORT=1\n")
	yaml := fmt.Sprintf("location: %s\nminInstances: 1\nenvFile: %s\nenv: {LOUD: \"${GREETING}!\", KEPT: env}\n", app, file)
	r := daemontest.Start(t, yaml)
	r.AwaitReady(1)
	expect := func(want string) {
		t.Helper()
		daemontest.Eventually(t, want, func() bool {
			response, err := http.Get(r.URL)
			if err != nil {
				return false
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			return err == nil && string(body) == want
		})
	}
	expect("topsecret1 topsecret1! env")
	write(".env", "GREETING=topsecret2\n")
	r.Reload(yaml)
	expect("topsecret2 topsecret2! env")
	write(".env", "GREETING='topsecret3\n")
	r.Reload(yaml)
	daemontest.Eventually(t, "a reload that failed", func() bool { return strings.Contains(r.Log.String(), "config reload failed") })
	expect("topsecret2 topsecret2! env")
	for _, log := range []string{r.Log.String(), r.Pool().String()} {
		if strings.Contains(log, "topsecret") {
			t.Errorf("a value is in the log or the status:\n%s", log)
		}
	}
}
