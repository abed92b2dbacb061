package notice

import "time"

// Deploy is a deploy that is under way.
type Deploy struct {
	// Version is the new version.
	Version string
	// Phase is how far the deploy is; see package deploy.
	Phase uint8
	// Share is the part of the requests that the new version gets, from 0 to 1.
	Share float64
	// Until is the end of the canary; zero when there is none.
	Until time.Time
	// Requests is how many requests the new version has had since the canary began, Others
	// how many the present one has, and MinRequests how many both must have had at its end.
	Requests, Others uint64
	MinRequests      int
	// Outlook is why there will be too few; "" if there will be enough, or that is not known.
	Outlook string
}

// SetVersions reports the version in force and the one before it.
func (b *Board) SetVersions(current, previous string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report.Version, b.report.PreviousVersion = current, previous
	b.notifyLocked()
}

// SetDeploy reports the deploy under way; zero when it has ended.
func (b *Board) SetDeploy(d Deploy) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report.Deploy = d
	b.notifyLocked()
}

// RecordDeploy reports the beginning or the end of a deploy as an event.
func (b *Board) RecordDeploy(kind EventType, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recordLocked(kind, "", reason)
}
