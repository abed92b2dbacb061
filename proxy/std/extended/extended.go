// Package extended has the HTTP/2 server of net/http take extended CONNECT requests (RFC 8441),
// by which a WebSocket comes over HTTP/2. net/http (Go 1.26) does so if the environment has
// GODEBUG=http2xconnect=1 when it is initialized; a //go:debug line cannot say so. That
// variable must not be left to the instances.
//
// Go initializes packages in the order of their paths, each after its imports. This one needs
// os and package prelude only, so it is initialized before net/http, and after the worker of a
// keeper was started, which would inherit the variable. A package that imports both this one
// and net/http calls Restore.
package extended

import (
	"os"

	_ "github.com/dynlb/dynlb/internal/prelude" // is initialized before
)

const variable, setting = "GODEBUG", "http2xconnect=1"

var (
	before string
	had    bool
)

func init() {
	before, had = os.LookupEnv(variable)
	value := setting
	if before != "" {
		value = before + "," + setting
	}
	_ = os.Setenv(variable, value) // it fails for names with an equals sign only
}

// Restore restores the environment. Call it from the init function of a package that imports
// net/http.
func Restore() {
	if had {
		_ = os.Setenv(variable, before) // see init
	} else {
		_ = os.Unsetenv(variable)
	}
}
