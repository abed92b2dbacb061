package top

import (
	"fmt"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/terminal"
)

// details returns the lines below the table, as many as fit.
func (m *Model) details(height int) []string {
	if m.detail == detailExits {
		return m.exitLines(height)
	}
	return m.logLines(height)
}

// logLines returns the end of the log of the selected instance.
func (m *Model) logLines(height int) []string {
	lines := []string{faintStyle.Render("── log of " + terminal.ShortID(m.logOf) + " ──")}
	if m.logOf == "" {
		return []string{faintStyle.Render("── there is no instance whose log could be shown ──")}
	}
	if len(m.log) == 0 {
		return append(lines, faintStyle.Render("nothing printed yet"))
	}
	for _, l := range lastOf(m.log, max(0, height-1)) {
		lines = append(lines, logStyleOf(l).Render(l.GetTime().AsTime().Local().Format("15:04:05")+" "+terminal.Printable(l.GetText())))
	}
	return lines
}

// logStyleOf marks errors.
func logStyleOf(l *dynlbv1.LogLine) interface{ Render(...string) string } {
	switch {
	case l.GetLevel() == "error":
		return badStyle
	case l.GetStream() == "stderr":
		return warnStyle
	default:
		return noStyle
	}
}

// exitLines returns the last exits, the newest first, each with the end of its output.
func (m *Model) exitLines(height int) []string {
	lines := []string{faintStyle.Render("── last exits ──")}
	exits := m.current().exits
	if len(exits) == 0 {
		return append(lines, faintStyle.Render("none is known"))
	}
	for i := len(exits) - 1; i >= 0 && len(lines) < height; i-- {
		e := exits[i]
		lines = append(lines, badStyle.Render(fmt.Sprintf("%s %s: %s", e.GetTime().AsTime().Local().Format("01-02 15:04:05"), terminal.ShortID(e.GetInstanceId()), terminal.Printable(e.GetReason()))))
		for _, line := range lastOf(e.GetOutput(), 4) {
			lines = append(lines, "    "+terminal.Printable(line))
		}
	}
	return lines[:min(len(lines), height)]
}
