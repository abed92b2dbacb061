package cli

import (
	"encoding/xml"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestSimulate: the output is the same to the byte, as testdata has it.
func TestSimulate(t *testing.T) {
	want, err := os.ReadFile("testdata/simulate.txt")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for range 2 {
		code, stdout, stderr := cli(t, "simulate", "--rates", "25x10s,140x20s", "--plot", "out.svg")
		if code != exitDone || stdout != string(want) {
			t.Errorf("%d, %s%s\nwant\n%s", code, stdout, stderr, want)
		}
	}
	picture, err := os.ReadFile("out.svg")
	if err != nil || strings.Count(string(picture), "<title>") != 4 || xml.Unmarshal(picture, new(struct{})) != nil {
		t.Errorf("the plot: %v\n%.2000s", err, picture)
	}
	if code, _, stderr := cli(t, "simulate", "--rates", "25x10s,140x20s", "--plot", "out.png"); code != exitDone {
		t.Errorf("--plot out.png: %d, %s", code, stderr)
	}
	colors := pixels(t, "out.png")
	for what, c := range map[string]color.Color{
		"the frame": color.RGBA{0x88, 0x88, 0x88, 0xff}, "values": color.RGBA{0, 0x66, 0xcc, 0xff},
		"decisions": color.RGBA{0xeb, 0x99, 0x99, 0xff}, "texts": color.RGBA{0, 0, 0, 0xff},
	} {
		if colors[c] < 100 {
			t.Errorf("%s: %d pixels", what, colors[c])
		}
	}
	for _, arguments := range []string{"", "--rates 1x1s --plot out.pdf", "--rates 1", "--rates 1x1s --load f", "--rates 1x1s --service 0s", "--rates 1x1s --concurrency -1"} {
		if code, _, stderr := cli(t, strings.Fields("simulate "+arguments)...); code != exitUsage {
			t.Errorf("simulate %s: %d, %s", arguments, code, stderr)
		}
	}
	if code, _, stderr := cli(t, "simulate", "--load", "gone"); code == exitDone || !strings.Contains(stderr, "read load") {
		t.Errorf("a missing file: %d, %s", code, stderr)
	}
}

// TestRecord: the load of a running dynlb is recorded, and simulate reads it.
func TestRecord(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "")
	r.AwaitReady(2)
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			default:
				r.Get(r.URL + "/")
			}
		}
	}()
	code, stdout, stderr := cli(t, "record", "--for", "2s", "--admin", r.Admin)
	close(done)
	<-stopped
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != exitDone || len(lines) < 2 || lines[0][0] != '#' || strings.HasPrefix(lines[1], "0 ") {
		t.Fatalf("%d, %s%s", code, stdout, stderr)
	}
	file := filepath.Join(t.TempDir(), "load")
	if err := os.WriteFile(file, []byte(stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr = cli(t, "simulate", "--load", file, "--concurrency", "0")
	if code != exitDone || !strings.Contains(stdout, "REQUESTS") {
		t.Errorf("%d, %s%s", code, stdout, stderr)
	}
}

// pixels returns how often each colour is in a PNG.
func pixels(t *testing.T, file string) map[color.Color]int {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	colors := map[color.Color]int{}
	for y := range picture.Bounds().Dy() {
		for x := range picture.Bounds().Dx() {
			colors[picture.At(x, y)]++
		}
	}
	return colors
}
