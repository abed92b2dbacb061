package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// documents returns the paths of README.md and of the pages in docs.
func documents(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) < 10 {
		t.Fatalf("pages %q, %v", pages, err)
	}
	return append(pages, "../../README.md")
}

// documentFiles are the files that configs in the documents name.
var documentFiles = map[string]string{
	"server.mjs": "", "app.ts": "", "server.js": "", "users": "ann:secret\n", "error.html": "<p>sorry", "sorry.html": "<p>sorry",
	"kubeconfig": "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n" +
		"users: [{name: u, user: {token: t}}]\ncontexts: [{name: x, context: {cluster: c, user: u, namespace: default}}]\ncurrent-context: x\n",
	".env": "DATABASE_URL=postgres://app:secret@localhost/app\nTOKEN=secret\n", "dynlb.token": "0123456789abcdef0123456789abcdef\n",
}

// inPod has files of the test stand for what a pod has: credentials, and a Secret.
var inPod = strings.NewReplacer("{deployment: web", "{deployment: web, kubeconfig: kubeconfig",
	"/etc/dynlb-admin/token", "dynlb.token", "/etc/dynlb-admin/tls.crt", "cert.pem", "/etc/dynlb-admin/tls.key", "key.pem")

// TestDocumentedConfigs: the configs that documents show are valid, given the files that they
// name.
func TestDocumentedConfigs(t *testing.T) {
	t.Parallel()
	keys := daemontest.NewKeys(t)
	for name, text := range documentFiles {
		keys.Write(t, name, text)
	}
	for _, name := range []string{"releases", "web", "api", "v1"} {
		if err := os.Mkdir(keys.Path(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, names := range [][2]string{{"cert.pem", "key.pem"}, {"fullchain.pem", "privkey.pem"}} {
		for i, from := range []string{"server.pem", "server.key"} {
			if err := os.Link(keys.Path(from), keys.Path(names[i])); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, path := range documents(t) {
		text, _ := page(t, path)
		blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1)
		for i, block := range blocks {
			file := fmt.Sprint(filepath.Base(path), i, ".yaml")
			keys.Write(t, file, inPod.Replace(block[1]))
			if code, _, stderr := cli(t, "check", keys.Path(file)); code != exitDone {
				t.Errorf("%s\n%s%s", path, block[1], stderr)
			}
		}
		if filepath.Base(path) == "README.md" && strings.Contains(text, "## Configuration") && len(blocks) < 3 {
			t.Errorf("%d configs, want more", len(blocks))
		}
	}
}

// commandLine matches a line of a block for a shell that runs dynlb.
var commandLine = regexp.MustCompile(`(?m)^(?:sudo |npx |[A-Z_]+=\S+ )*(?:dynlb|go run \./cmd/dynlb)( [^#\n|&;>]*)?`)

// TestDocumentedCommands: the commands that documents show exist, with these arguments and
// flags.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	count := 0
	for _, path := range documents(t) {
		text, _ := page(t, path)
		for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
			for _, m := range commandLine.FindAllStringSubmatch(block[1], -1) {
				count++
				if err := parseCommand(shellWords(m[1])); err != nil {
					t.Errorf("%s: %s: %v", path, m[0], err)
				}
			}
		}
	}
	if count < 30 {
		t.Errorf("%d commands, want more", count)
	}
}

// parseCommand returns what is wrong with a command line.
func parseCommand(args []string) error {
	root := newRoot(&options{})
	checkBuiltinArgs(root)
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	if cmd == root && len(args) > 0 {
		return fmt.Errorf("there is no command %s", args[0])
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if since := cmd.Flags().Lookup("since"); since != nil {
		if _, err := parseSince(since.Value.String(), time.Now()); err != nil {
			return err
		}
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// TestDocumentedSimulations runs the simulations that the pages of docs show: their output
// and the pictures that they write are those of the documents.
func TestDocumentedSimulations(t *testing.T) {
	t.Parallel()
	plots := 0
	for _, path := range documents(t) {
		_, samples := page(t, path)
		for _, s := range samples {
			args := shellWords(s.command)
			if filepath.Base(path) == "README.md" && !strings.Contains(path, "docs") || len(args) < 2 || args[1] != "simulate" {
				continue
			}
			plot := slices.Index(args, "--plot") + 1
			picture := filepath.Join(t.TempDir(), "plot.svg")
			if i := slices.Index(args, "--config") + 1; i > 0 {
				args[i] = filepath.Join("..", "..", args[i])
			}
			kept := ""
			if plot > 0 {
				kept = filepath.Join("..", "..", args[plot])
				args[plot] = picture
			}
			got := strings.Split(strings.ReplaceAll(strings.Trim(runCLI(t, args[1:]...), "\n"), "\n\n", "\n"), "\n")
			if len(s.output) > 0 && !slices.Equal(got, s.output) {
				t.Errorf("%s: %s prints\n%s\nnot\n%s", path, s.command, strings.Join(got, "\n"), strings.Join(s.output, "\n"))
			}
			if plot == 0 {
				continue
			}
			plots++
			now, err := os.ReadFile(picture)
			if err != nil {
				t.Fatal(err)
			}
			if was, err := os.ReadFile(kept); err != nil || !bytes.Equal(was, now) {
				t.Errorf("%s: %s writes another picture than %s has, %v; run it in the root of the repository", path, s.command, kept, err)
			}
		}
	}
	if plots < 3 {
		t.Errorf("%d pictures, want more", plots)
	}
}
