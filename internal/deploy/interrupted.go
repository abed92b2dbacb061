package deploy

import (
	"fmt"

	"github.com/dynlb/dynlb/internal/notice"
)

// underWay is the document that is kept while a deploy is under way, so that the next process
// can report its end. It is empty after that: a Store removes nothing.
type underWay struct {
	Version  string `json:"version,omitempty"` // its name
	Rollback bool   `json:"rollback,omitempty"`
}

// underWayDocument is the name of the document of an app.
func (o *Options) underWayDocument() string { return "deploying-" + o.App }

// noteUnderWay keeps which deploy is under way; the zero value: none.
func (d *Deployer) noteUnderWay(u underWay) {
	if d.Store == nil {
		return
	}
	if err := d.Store.Save(d.underWayDocument(), u); err != nil {
		d.Log.Warn("deploy under way not kept: if dynlb dies, its end is not reported", "error", err)
	}
}

// ReportInterrupted reports the end of a deploy in whose midst the process before this one has
// ended without a shutdown. It is called before Run of the fleet.
func (d *Deployer) ReportInterrupted() {
	var before underWay
	if d.Store == nil {
		return
	}
	if found, err := d.Store.Load(d.underWayDocument(), &before); err != nil || !found || before == (underWay{}) {
		return // a document that is broken names no deploy
	}
	d.noteUnderWay(underWay{})
	text := fmt.Sprintf("%s stays: dynlb was started again in the middle of the deploy of %s", d.inForceName(), before.Version)
	kind := notice.DeployFailed
	if before.Rollback {
		kind, text = notice.Deployed, fmt.Sprintf("%s has all requests: dynlb was started again in the middle of the rollback to it", before.Version)
	}
	d.Log.Warn("deploy ended with the process before this one", "version", before.Version, "inForce", d.inForceName())
	d.Board.RecordDeploy(kind, text)
}

// reportStopped reports the end of a deploy in whose midst the instances were stopped. stays
// is the version in force. Of a rollback, the version is in force at the next start. A rollout
// goes on without dynlb.
func (d *Deployer) reportStopped(r *run, stays string) {
	const why = ": dynlb or the app was stopped in the middle of the "
	switch {
	case r.from != "":
	case r.rollback:
		d.Board.RecordDeploy(notice.Deployed, r.name+" has all requests at the next start"+why+"rollback")
	default:
		d.Board.RecordDeploy(notice.DeployFailed, stays+" stays"+why+"deploy of "+r.name)
	}
}
