package top

import (
	"fmt"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// clip returns a line that is no wider than a width in columns, which is that of two for
// wide characters. Width 0: no limit.
func clip(line string, width int) string {
	if width <= 0 || lipgloss.Width(line) <= width {
		return line
	}
	return ansi.Truncate(line, width, "…")
}

// clipAll returns lines that fit into a width and a height.
func clipAll(lines []string, width, height int) []string {
	lines = lines[:min(len(lines), max(0, height))]
	for i := range lines {
		lines[i] = clip(lines[i], width)
	}
	return lines
}

// number returns a rate in few characters: 0, 0.3, 12.5, 1234, 12.3k.
func number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	case v < 10_000:
		return fmt.Sprintf("%.0f", v)
	default:
		return fmt.Sprintf("%.1fk", v/1000)
	}
}

// milliseconds returns a time in milliseconds: "-" for 0, which is not known.
func milliseconds(ms float64) string {
	switch {
	case ms == 0:
		return "-"
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 10_000:
		return fmt.Sprintf("%.0f ms", ms)
	default:
		return fmt.Sprintf("%.1f s", ms/1000)
	}
}

// stateStyle returns the style of the row of an instance.
func stateStyle(in *dynlbv1.Instance) lipgloss.Style {
	switch {
	case in.GetEjectedUntil() != nil, in.GetState() == dynlbv1.InstanceState_INSTANCE_STATE_UNHEALTHY:
		return badStyle
	case in.GetState() == dynlbv1.InstanceState_INSTANCE_STATE_READY:
		return noStyle
	default:
		return warnStyle
	}
}

// alarm and warning return the style of a figure that is bad, or to be looked at, if it is.
func alarm(bad bool) lipgloss.Style { return styleIf(bad, badStyle) }

func warning(look bool) lipgloss.Style { return styleIf(look, warnStyle) }

func styleIf(on bool, style lipgloss.Style) lipgloss.Style {
	if on {
		return style
	}
	return noStyle
}
