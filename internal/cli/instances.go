package cli

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/terminal"
)

// instanceRows returns the rows of the instances, below a heading. versioned is 1 if there is a
// column for their version, before those with numbers, or 0 if none has one.
func instanceRows(instances []*dynlbv1.Instance) (rows [][]string, versioned int) {
	rows = [][]string{{"INSTANCE", "ADDRESS", "STATE", "IN-FLIGHT", "REQUESTS", "RESPONSE", "LOAD", "CPU", "MEMORY", "AGE", "HANDLE"}}
	for _, in := range instances {
		rows = append(rows, []string{
			terminal.ShortID(in.GetId()),
			in.GetAddress(),
			terminal.State(in),
			strconv.Itoa(int(in.GetInFlight())),
			strconv.FormatUint(in.GetTotalRequests(), 10),
			strconv.FormatFloat(in.GetResponseTimeMs(), 'f', 1, 64) + " ms",
			strconv.FormatFloat(in.GetLoad(), 'f', 2, 64),
			cpu(in),
			terminal.Memory(in.GetMemoryBytes()),
			age(in.GetStartTime()),
			in.GetHandle(),
		})
		if in.GetVersion() != "" || in.GetStaged() {
			versioned = 1
		}
	}
	if versioned == 0 {
		return rows, 0
	}
	rows[0] = slices.Insert(rows[0], 3, "VERSION")
	for i, in := range instances {
		rows[i+1] = slices.Insert(rows[i+1], 3, instanceVersion(in))
	}
	return rows, 1
}

// instanceVersion returns the version of an instance, with a mark if it is being deployed.
func instanceVersion(in *dynlbv1.Instance) string {
	text := in.GetVersion()
	if text == "" {
		text = "-"
	}
	if in.GetStaged() {
		text += " (new)"
	}
	return text
}

// versionLines returns which version is in force, and the deploy in progress.
func versionLines(p *dynlbv1.Pool) (lines []string) {
	if p.GetVersion() != "" {
		line := "version: " + p.GetVersion()
		if previous := p.GetPreviousVersion(); previous != "" {
			line += ", before: " + previous
		}
		lines = append(lines, line)
	}
	d := p.GetDeploy()
	if d == nil {
		return lines
	}
	line := "deploy of " + d.GetVersion()
	switch d.GetPhase() {
	case dynlbv1.DeployPhase_DEPLOY_PHASE_CANARY:
		line += fmt.Sprintf(": canary with %.4g %% of the requests", 100*d.GetShare())
		if end := d.GetCanaryEndTime(); end != nil {
			line += fmt.Sprintf(" for %v more", max(0, time.Until(end.AsTime())).Round(time.Second))
		}
	case dynlbv1.DeployPhase_DEPLOY_PHASE_SHIFTING:
		line += ": the canary was good, more instances start"
	default:
		line += ": its instances start"
	}
	return append(lines, line+"; 'dynlb rollback' ends it")
}
