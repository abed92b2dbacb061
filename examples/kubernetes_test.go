package examples_test

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKubernetesApp: the app for a pod finishes its requests after SIGTERM, and ends then. What
// surrounds it is tested in test/install.
func TestKubernetesApp(t *testing.T) { // it sets PORT
	bun := apps(t)[0].argv[0]
	dir := filepath.Join("kubernetes", "app")
	a := start(t, []string{bun, "run", filepath.Join(dir, "app.ts")}, false)
	if res, body := a.do(t, "GET", "/", ""); res.StatusCode != 200 || !strings.HasPrefix(body, "hello from pod ") {
		t.Errorf("%d %q", res.StatusCode, body)
	}
	res, err := a.client.Get(a.url + "/slow?ms=1000")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	if line, err := in.ReadString('\n'); line != "working\n" {
		t.Fatalf("%q, %v", line, err)
	}
	a.terminate(t)
	if rest, err := io.ReadAll(in); string(rest) != "done\n" {
		t.Errorf("the request in flight got %q, %v", rest, err)
	}
	a.wait(t)
	file, err := os.ReadFile(filepath.Join(dir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(file); !strings.Contains(text, "\nCOPY app.ts ./\n") || !strings.Contains(text, `ENTRYPOINT ["bun", "run", "app.ts"]`) {
		t.Errorf("the image does not run the app as process 1:\n%s", text)
	}
}
