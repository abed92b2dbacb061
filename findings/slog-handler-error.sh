#!/usr/bin/env bash
# slog.Logger of Go's standard library drops the error of its handler.
#
# Expected: a log that cannot be written, such as on a full disk, shows somewhere: in a
# return value, in a counter, or on standard error, as with the handlers that panic.
# Seen: nothing. Logger has no return value, and the error of Handler.Handle goes nowhere.
#
# For a load balancer: the writer below the handler has to notice by itself that lines are
# lost, and has to say so on another way.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
printf 'module finding\n\ngo 1.26.0\n' > go.mod
cat > main.go <<'PROGRAM'
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
)

func main() {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	handler := slog.NewTextHandler(full, nil)
	slog.New(handler).Error("lost")
	var record slog.Record
	fmt.Println(runtime.Version(), "handler:", handler.Handle(context.Background(), record))
}
PROGRAM
go run . 2> stderr | tee seen
echo "on standard error: $(wc -c < stderr) bytes"
grep -q 'handler: write /dev/full: no space left on device' seen && [ ! -s stderr ] && echo 'as found'
