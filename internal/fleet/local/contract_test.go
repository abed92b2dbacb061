package local

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/fleet/fleettest"
)

// asServer in the environment makes the test binary an instance.
const asServer = "DYNLB_TEST_AS_SERVER"

// contractPort is the first port of real instances: below the kernel's ephemeral
// ports, which begin at 32768 on Linux, and above those of package daemontest.
const contractPort = 32100

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		network, address := "tcp", "127.0.0.1:"+os.Args[1]
		if path := os.Getenv("DYNLB_SOCKET"); path != "" {
			network, address = "unix", path
		}
		l, err := net.Listen(network, address)
		if err == nil {
			err = http.Serve(l, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		}
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestContract tests real processes with the contract of all fleets.
func TestContract(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	settings := Settings{
		Program: Program{
			Argv: func(port int) []string { return []string{self, strconv.Itoa(port)} },
			// A program with the race detector in it sleeps for a second before it exits.
			Env:        map[string]string{asServer: "1", "GORACE": "atexit_sleep_ms=0"},
			HealthPath: "/health", VerifyPort: true,
		},
		BasePort:      contractPort,
		CheckInterval: time.Second, HealthTimeout: time.Second, StartTimeout: 10 * time.Second,
		DrainTimeout: time.Hour, StopTimeout: time.Second, RequestTimeout: 10 * time.Second,
	}
	changed := settings
	changed.Program.Env = map[string]string{asServer: "2", "GORACE": "atexit_sleep_ms=0"}
	fleettest.Contract(t, fleettest.Kind{Settings: settings, Changed: changed})
	t.Run("sockets", func(t *testing.T) {
		t.Parallel()
		onSocket := func(string) []string { return []string{self, "socket"} }
		settings, changed := settings, changed
		settings.Program.SocketArgv, changed.Program.SocketArgv = onSocket, onSocket
		fleettest.Contract(t, fleettest.Kind{Settings: settings, Changed: changed})
	})
}
