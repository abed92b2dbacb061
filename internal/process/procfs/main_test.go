package procfs

import (
	"os"
	"testing"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

func TestMain(m *testing.M) {
	if status, played := processtest.Play(nil); played {
		os.Exit(status)
	}
	os.Exit(m.Run())
}
