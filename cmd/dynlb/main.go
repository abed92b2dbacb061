// Command dynlb runs instances of an app, keeps them healthy, scales them with
// the load, and balances HTTP over them; and it talks to a dynlb that does.
package main

import (
	"context"
	"io"
	"os"

	"google.golang.org/grpc/grpclog"

	"github.com/dynlb/dynlb/internal/cli"
)

// version is set by the linker for releases.
var version = ""

func main() {
	// gRPC and its gateway also return as errors what they would write to standard
	// error, and dynlb logs or prints those.
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	os.Exit(cli.Run(context.Background(), os.Args[1:], os.Stdout, os.Stderr, version))
}
