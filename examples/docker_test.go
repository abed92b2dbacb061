package examples_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/daemon"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// serviceDrainDelay is the drainDelay of a process 1.
const serviceDrainDelay = 5 * time.Second

// TestDocker holds what is in docker/ together: a container may take as long to stop as
// dynlb does, the files that are copied exist, and the config serves the app.
func TestDocker(t *testing.T) {
	t.Parallel()
	dir, err := filepath.Abs("docker")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	settings, err := config.Load(filepath.Join(dir, "config.yaml"), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	settings.DrainDelay = serviceDrainDelay
	var compose struct {
		Services map[string]struct {
			Grace string `yaml:"stop_grace_period"`
		}
	}
	if err := yaml.Unmarshal([]byte(read("compose.yaml")), &compose); err != nil {
		t.Fatal(err)
	}
	grace, err := time.ParseDuration(compose.Services["app"].Grace)
	if err != nil || grace <= daemon.StopTime(&settings) {
		t.Errorf("stop_grace_period is %v, %v; dynlb may take %v to stop", grace, err, daemon.StopTime(&settings))
	}
	for _, name := range []string{filepath.Join(dir, "Dockerfile"), filepath.Join(dir, "..", "..", "Dockerfile")} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^COPY ([^-\n].*) \S+$`).FindAllStringSubmatch(string(data), -1) {
			for source := range strings.FieldsSeq(m[1]) {
				if _, err := os.Stat(filepath.Join(filepath.Dir(name), source)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	own := strings.NewReplacer("[bun,", "["+daemontest.Bun(t)+",", "${STATE_DIR:-off}", "off")
	r := daemontest.Start(t, own.Replace(read("config.yaml"))+"workDir: "+dir+"\n")
	r.AwaitReady(2)
}
