package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The times in the config. A frozen instance fails a check every half
// second, is out of rotation after two and replaced after four; its requests are
// freed when it is killed, at most drainTimeout and stopTimeout later. All of it
// is well below requestTimeout, so that a GET that may be sent again still is.
const (
	checkInterval  = 500 * time.Millisecond
	healthTimeout  = 500 * time.Millisecond
	drainTimeout   = 5 * time.Second
	stopTimeout    = 2 * time.Second
	requestTimeout = 30 * time.Second
)

// The bounds of the number of instances, and the numbers that are asked for.
const (
	minInstances = 2
	maxInstances = 6 // or one more, after a reload
	maxTarget    = 5
)

// configText is a template for text. Its queue holds the requests of ten seconds
// without any instance.
const configText = `# Written by the soak.
%s
startTimeout: 30s
listen: 127.0.0.1:0
admin: 127.0.0.1:0
adminHTTP: 127.0.0.1:0
basePort: %d
minInstances: %d
maxInstances: %d
scaleUpThreshold: %d
scaleDownThreshold: 0.2
brakes: {cpu: false}
idleTimeout: 10s
checkInterval: %v
healthTimeout: %v
drainTimeout: %v
stopTimeout: %v
requestTimeout: %v
queue: {limit: 10000, timeout: 15s}
`

// firstApp is the name of the app that the faults are for, if there is a second one, and
// defaultApp if not.
const firstApp, defaultApp = "first", "default"

// A configFile is dynlb's config, in a folder of its own, as dynlb may watch the
// folder.
type configFile struct {
	path     string
	command  []string // JSON is YAML
	ledger   string
	basePort int
	secure   bool   // clients speak TLS
	second   string // the second app; "": there is none

	generation int
	max        int // maxInstances, as last written in a valid config
}

// change writes a config that differs from the one before it in what a reload
// can take: bounds, thresholds, environment.
func (c *configFile) change(pick uint32) error {
	c.generation++
	c.max = maxInstances + c.generation%2
	return c.write(c.text(pick))
}

// spoil writes a config that is not valid: it must change nothing.
func (c *configFile) spoil(pick uint32) error {
	text := c.text(pick) + "minInstances: 1\n" // given twice
	if pick%2 == 0 {
		text = c.text(pick) + "noSuchKey: 1\n"
	}
	return c.write(text)
}

func (c *configFile) text(pick uint32) string {
	command, _ := json.Marshal(c.command) // encoding strings does not fail
	program := fmt.Sprintf("command: %s\nenv: {SOAK_LEDGER: %q, SOAK_GENERATION: \"%d\"}", command, c.ledger, c.generation)
	if c.second != "" {
		program = fmt.Sprintf(`apps:
  %s: {command: %s, env: {SOAK_LEDGER: %q, SOAK_GENERATION: "%d"}}
%s`, firstApp, command, c.ledger, c.generation, c.second)
	}
	if c.secure {
		program += fmt.Sprintf("\ntls: {internal: true, storage: %q}", filepath.Join(c.ledger, "..", "tls"))
	}
	return fmt.Sprintf(configText, program, c.basePort,
		minInstances, c.max, 4+pick%4,
		checkInterval, healthTimeout, drainTimeout, stopTimeout, requestTimeout)
}

// write replaces the file at once, so that no reader sees half of it.
func (c *configFile) write(text string) error {
	fresh := filepath.Join(filepath.Dir(c.path), ".fresh")
	if err := os.WriteFile(fresh, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write config: %w", err)
	}
	if err := os.Rename(fresh, c.path); err != nil {
		return fmt.Errorf("write config: %w", err)
	}
	return nil
}
