package cli

import (
	"bytes"
	"fmt"
	"io"
	"time"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/server"
)

// process writes lines about the processes of dynlb, if it has a keeper, and about its last
// upgrade.
func (v view) process(w io.Writer, p *dynlbv1.Process) {
	k := p.GetKeeper()
	if k == nil {
		return
	}
	text := fmt.Sprintf("keeper: process %d, dynlb %s, since %s; worker %d: dynlb %s", k.GetPid(), k.GetVersion(),
		k.GetStartTime().AsTime().Local().Format(time.DateTime), p.GetEpoch(), p.GetVersion())
	if n := p.GetDrainingWorkers(); n > 0 {
		text += fmt.Sprintf("; workers that finish requests: %d", n)
	}
	v.line(w, text, "")
	if p.GetUpgradeTime() == nil {
		return
	}
	text = "last upgrade: " + p.GetUpgradeTime().AsTime().Local().Format(time.DateTime)
	if binary := p.GetUpgradeBinary(); binary != "" {
		text += " to " + binary
	}
	if version := p.GetUpgradeVersion(); version != "" {
		text += " (dynlb " + version + ")"
	}
	switch p.GetUpgradeResult() {
	case dynlbv1.UpgradeResult_UPGRADE_RESULT_FAILED:
		v.line(w, text+" failed, nothing has changed: "+p.GetUpgradeError(), red)
	case dynlbv1.UpgradeResult_UPGRADE_RESULT_REVERTED:
		v.line(w, text+" was taken back: "+p.GetUpgradeError(), red)
	case dynlbv1.UpgradeResult_UPGRADE_RESULT_UNDER_WAY:
		v.line(w, text+" is under way", "")
	default:
		v.line(w, text+" done", "")
	}
}

// printFull prints all that is known of an app as JSON: its Pool, and the processes of dynlb.
func printFull(w io.Writer, response *dynlbv1.GetStatusResponse) error {
	if response.GetProcess() == nil {
		return printJSON(w, response.GetPool())
	}
	pool, err := server.MarshalJSON(response.GetPool())
	if err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	process, err := server.MarshalJSON(response.GetProcess())
	if err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s,\"process\":%s}\n", bytes.TrimSuffix(pool, []byte("}")), process)
	return err
}
