// Package top is the screen of `dynlb top`: a [Model] takes messages about a running dynlb
// and about keys, and renders itself. It does no I/O: its caller feeds it, and carries out
// what it asks for.
//
// model.go and keys.go change the state, figures.go makes rates of counters, and view.go,
// table.go and detail.go draw.
package top

import (
	"time"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// State is a message of a watch of an app.
type State struct {
	App      string
	Response *dynlbv1.WatchInstancesResponse
}

// Apps has the names of all apps.
type Apps []string

// Past has exits of instances of an app, oldest first, from before the watch.
type Past struct {
	App   string
	Exits []*dynlbv1.Event
}

// Log has lines that an instance has printed.
type Log struct {
	Instance string
	Lines    []*dynlbv1.LogLine
}

// Connection says that the connection to dynlb is lost, and why, or is there again.
type Connection struct {
	Lost   bool
	Reason string
}

// Tick is the time, once a second.
type Tick time.Time

// Failure ends the program with an error.
type Failure struct{ Err error }

// Closed ends the program: the terminal is gone, or dynlb top was told to end.
type Closed struct{}
