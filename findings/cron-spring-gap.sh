#!/usr/bin/env bash
# Three Go cron libraries skip a whole day when a clock change skips the time.
#
# Expected: `30 2 * * *` in Europe/Berlin runs on every day of a year. On the day
# on which 02:30 does not exist it runs once near it, as Debian's cron does.
# Seen (2026-03-29, 02:00 becomes 03:00): robfig/cron, gronx and cronexpr all name
# the next day; on that Sunday the schedule does not run.
#
# For a load balancer: a schedule that raises the number of instances every night
# must have its own rule for both clock changes, with tests.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26

require (
	github.com/adhocore/gronx v1.20.4
	github.com/hashicorp/cronexpr v1.1.3
	github.com/robfig/cron/v3 v3.0.1
)
MOD
cat > main.go <<'MAIN'
package main

import (
	"fmt"
	"time"
	_ "time/tzdata"

	"github.com/adhocore/gronx"
	"github.com/hashicorp/cronexpr"
	"github.com/robfig/cron/v3"
)

func main() {
	const spec = "30 2 * * *"
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	before := time.Date(2026, 3, 28, 12, 0, 0, 0, berlin)
	schedule, err := cron.ParseStandard(spec)
	if err != nil {
		panic(err)
	}
	next, err := gronx.NextTickAfter(spec, before, false)
	if err != nil {
		panic(err)
	}
	fmt.Println("robfig/cron v3.0.1: ", schedule.Next(before))
	fmt.Println("gronx v1.20.4:      ", next)
	fmt.Println("cronexpr v1.1.3:    ", cronexpr.MustParse(spec).Next(before))
}
MAIN
go mod tidy -e >/dev/null 2>&1
go run . > seen
cat seen
diff - seen <<'SEEN' && echo 'as found'
robfig/cron v3.0.1:  2026-03-30 02:30:00 +0200 CEST
gronx v1.20.4:       2026-03-30 02:30:00 +0200 CEST
cronexpr v1.1.3:     2026-03-30 02:30:00 +0200 CEST
SEEN
