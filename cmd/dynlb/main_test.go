package main

import (
	"os"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

func TestMain(m *testing.M) {
	if os.Getenv(asOneAtATime) != "" {
		oneAtATime()
	}
	daemontest.Main(m, func([]string) int {
		main()
		return 0 // main has ended the process
	})
}
