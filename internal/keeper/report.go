package keeper

import "time"

// Report is what a keeper tells of itself.
type Report struct {
	PID     int       `json:"pid,omitempty"`
	Version string    `json:"version,omitempty"` // of its binary
	Started time.Time `json:"started,omitzero"`
	// Last is the last upgrade; zero if there was none.
	Last Upgrade `json:"last,omitzero"`
	// The numbers of upgrades by their results.
	Done     uint64 `json:"done,omitempty"`
	Failed   uint64 `json:"failed,omitempty"`
	Reverted uint64 `json:"reverted,omitempty"`
}

// Upgrade is one that was asked for.
type Upgrade struct {
	Time    time.Time `json:"time,omitzero"`    // when it began
	Binary  string    `json:"binary,omitempty"` // its path; "": the program of dynlb was not found
	Version string    `json:"version,omitempty"`
	Result  Result    `json:"result,omitempty"`
	Error   string    `json:"error,omitempty"` // why it has failed, or was reverted
}

// Result is how an upgrade has ended.
type Result string

// The results.
const (
	UnderWay Result = "under way"
	Done     Result = "done"
	Failed   Result = "failed"   // nothing has changed
	Reverted Result = "reverted" // the binary before serves again, as this one has failed later
)
