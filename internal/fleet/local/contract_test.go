package local

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/fleet/fleettest"
)

// asServer in the environment makes the test binary an instance.
const asServer = "DYNLB_TEST_AS_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		err := http.ListenAndServe("127.0.0.1:"+os.Args[1], http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})) //nolint:gosec // G114: the test ends it
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// otherSettings belong to another kind of fleet.
type otherSettings struct{}

func (otherSettings) Kind() string { return "other" }

func (otherSettings) New(fleet.Options) fleet.Fleet { return nil }

// TestContract runs real processes through what every fleet promises.
func TestContract(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	fleettest.Contract(t, Settings{
		Argv:       func(port int) []string { return []string{self, strconv.Itoa(port)} },
		Env:        map[string]string{asServer: "1", "GORACE": "atexit_sleep_ms=0"},
		HealthPath: "/health", VerifyPort: true, BasePort: 23001,
		CheckInterval: time.Second, HealthTimeout: time.Second, StartTimeout: 10 * time.Second,
		DrainTimeout: 10 * time.Second, StopTimeout: time.Second, RequestTimeout: 10 * time.Second,
	}, otherSettings{})
}
