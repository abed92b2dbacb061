package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// sample is a command of README.md, and the output that it shows for it.
type sample struct {
	command string
	output  []string
}

// readme returns README.md and its samples.
func readme(t *testing.T) (text string, samples []sample) {
	t.Helper()
	return page(t, "../../README.md")
}

// page returns a document and its samples.
func page(t *testing.T, path string) (text string, samples []sample) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fenced, in := false, -1 // in: the sample whose output is read
	for line := range strings.Lines(string(data)) {
		line = strings.TrimRight(line, "\n")
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			fenced, in = !fenced, -1
		case fenced && isCommand:
			samples = append(samples, sample{command: command})
			in = len(samples) - 1
		case in >= 0 && line != "":
			samples[in].output = append(samples[in].output, line)
		}
	}
	return string(data), samples
}

var (
	ids    = regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{8}\b`)
	digits = regexp.MustCompile(`\d+(\.\d+)?`)
	spaces = regexp.MustCompile(`\s+`)
)

// shapes returns the lines of an output without what differs from run to run.
func shapes(lines []string) []string {
	var all []string
	for _, line := range lines {
		line = digits.ReplaceAllString(ids.ReplaceAllString(line, "ID"), "N")
		if line = spaces.ReplaceAllString(strings.TrimSpace(line), " "); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// TestReadmeConsole runs the commands of README.md, and compares their output with what
// README.md shows, but for numbers and ids, which are the same in a simulation only. Those
// of grpcurl are carried out by a client
// that knows the service by reflection alone, as grpcurl does.
func TestReadmeConsole(t *testing.T) {
	t.Parallel()
	_, samples := readme(t)
	r := daemontest.Start(t, "")
	r.AwaitReady(2)
	grpc := newReflected(t, r.Admin)
	daemontest.Eventually(t, "the processor time of the instances", func() bool {
		return strings.Count(runCLI(t, "status", "--admin", r.Admin), "%") == 2
	})
	ran := map[string]int{}
	for _, s := range samples {
		words := shellWords(s.command)
		ran[words[0]]++
		var output string
		switch {
		case words[0] == "grpcurl":
			output = grpc.run(t, words[1:])
		case words[1] == "simulate":
			output = runCLI(t, words[1:]...)
		default:
			output = runCLI(t, append(words[1:], "--admin", r.Admin)...)
		}
		got, want := strings.Split(strings.ReplaceAll(strings.Trim(output, "\n"), "\n\n", "\n"), "\n"), s.output
		if words[1] != "simulate" {
			got, want = shapes(got), shapes(want)
		}
		if !slices.Equal(got, want) && len(want) > 0 {
			t.Errorf("%s prints\n%s\nREADME.md shows\n%s", s.command, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if ran["dynlb"] < 2 || ran["grpcurl"] < 3 {
		t.Errorf("ran %v, want more", ran)
	}
}

// runCLI runs a command line of dynlb that succeeds, and returns its output.
func runCLI(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := cli(t, args...)
	if code != exitDone {
		t.Fatalf("dynlb %v: exit code %d, %s", args, code, stderr)
	}
	return stdout
}

// shellWords splits a command line, in which single quotes may hold a word together.
func shellWords(line string) []string {
	var words []string
	for _, m := range regexp.MustCompile(`'([^']*)'|\S+`).FindAllStringSubmatch(line, -1) {
		if strings.HasPrefix(m[0], "'") {
			words = append(words, m[1])
			continue
		}
		words = append(words, m[0])
	}
	return words
}

// needMore are the paths of README.md that need more than a dynlb without auth, versions and
// output: other tests request them.
var needMore = []string{"/login", "/logout", "/v1/deploy", "/v1/rollback", "/v1/drain", "/v1/logs"}

// TestReadmeHTTP makes the requests of README.md to admin HTTP, and compares the fields of
// the sample of /lb-status with those of the real one.
func TestReadmeHTTP(t *testing.T) {
	t.Parallel()
	text, _ := readme(t)
	r := daemontest.Start(t, "")
	r.AwaitReady(2)
	_, block, _ := strings.Cut(text, "```json\n")
	block, _, _ = strings.Cut(block, "```")
	_, got := ask(t, http.MethodGet, r.AdminURL+"/lb-status", "")
	if want, got := fields(t, block), fields(t, got); !slices.Equal(want, got) {
		t.Errorf("README.md shows /lb-status with the fields %q, it has %q", want, got)
	}
	_, table, _ := strings.Cut(text, "\nAdmin HTTP offers")
	table, _, _ = strings.Cut(table, "\n\nBy default")
	requests := 0
	for _, m := range regexp.MustCompile("(GET|POST) (/[^`]*)`").FindAllStringSubmatch(table, -1) {
		if slices.Contains(needMore, m[2]) {
			continue
		}
		requests++
		body := ""
		if at := regexp.MustCompile(`-d '([^']*)' localhost:4002` + m[2]).FindStringSubmatch(table); at != nil {
			body = at[1]
		} else if m[1] == http.MethodPost {
			t.Errorf("no sample for POST %s", m[2])
		}
		status, start := ask(t, m[1], r.AdminURL+m[2], body)
		if status != http.StatusOK || start == "" {
			t.Errorf("%s %s: %d %s", m[1], m[2], status, start)
		}
	}
	if requests < 9 {
		t.Errorf("made %d requests, want more", requests)
	}
}

// ask makes a request, and returns the status and the start of the response.
func ask(t *testing.T, method, url, body string) (status int, start string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b := make([]byte, 4096) // a watch does not end by itself
	n, err := io.ReadAtLeast(res.Body, b, 1)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b[:n])
}

// fields returns the names of the fields of a JSON text, in its order.
func fields(t *testing.T, text string) []string {
	t.Helper()
	if !json.Valid([]byte(text)) {
		t.Fatalf("not JSON: %s", text)
	}
	var names []string
	for _, m := range regexp.MustCompile(`"(\w+)":`).FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}
