package main

import (
	"os"
	"runtime"
	"strings"
	"time"
)

// An environment describes where the figures were measured, without naming the
// machine. A value that cannot be read is "unknown".
type environment struct {
	Date   string `json:"date"` // of the run, UTC
	CPU    string `json:"cpu"`  // model
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

func readEnvironment() environment {
	e := environment{
		Date:   time.Now().UTC().Format(time.DateOnly),
		CPU:    "unknown",
		Cores:  runtime.NumCPU(),
		Kernel: "unknown",
		Go:     runtime.Version(),
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		e.Kernel = strings.TrimSpace(string(release))
	}
	if cpuinfo, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(cpuinfo)) {
			if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
				e.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	return e
}
