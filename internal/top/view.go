package top

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/terminal"
)

// The colours are those of the terminal's own palette, which is readable on its own
// background.
var (
	boldStyle     = lipgloss.NewStyle().Bold(true)
	faintStyle    = lipgloss.NewStyle().Faint(true)
	titleStyle    = lipgloss.NewStyle().Faint(true)
	selectedStyle = lipgloss.NewStyle().Reverse(true)
	goodStyle     = lipgloss.NewStyle().Foreground(lipgloss.Color("2"))
	warnStyle     = lipgloss.NewStyle().Foreground(lipgloss.Color("3"))
	badStyle      = lipgloss.NewStyle().Foreground(lipgloss.Color("1"))
	sparkStyle    = lipgloss.NewStyle().Foreground(lipgloss.Color("6"))
	noStyle       = lipgloss.NewStyle()
)

// View implements tea.Model.
func (m *Model) View() tea.View {
	v := tea.NewView(strings.Join(m.Lines(), "\n"))
	v.AltScreen = true
	v.WindowTitle = "dynlb top"
	return v
}

// Lines returns the lines of the screen, none wider than it and no more than it has.
func (m *Model) Lines() []string {
	if m.width <= 0 || m.height <= 0 {
		return nil // the size is not known yet
	}
	if m.help {
		return clipAll(m.helpLines(), m.width, m.height)
	}
	lines := m.head()
	rows := m.rows()
	room := m.height - len(lines) - 1 // the last line has the keys
	table := min(len(rows)+1, room)
	if m.detail != detailNone { // which gets half of the room if it has so many lines
		table = min(table, max(2, room/2, room-len(m.details(room))))
	}
	switch {
	case len(rows) > 0:
		lines = append(lines, m.table(rows, m.width, table)...)
	case m.current().pool != nil:
		lines = append(lines, faintStyle.Render("there are no instances"))
	}
	if rest := m.height - len(lines) - 1; m.detail != detailNone && rest > 0 {
		lines = append(lines, m.details(rest)...)
	}
	lines = clipAll(lines, m.width, m.height-1)
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	return append(lines, clip(m.keyLine(), m.width))
}

// Plain returns the state as text without escapes, for a file or a pipe: that of the app in
// the options, or of all.
func (m *Model) Plain() string {
	names := m.names
	if m.options.App != "" || len(names) == 0 {
		names = []string{m.shown}
	}
	var b strings.Builder
	defer func(shown string) { m.shown = shown }(m.shown)
	for _, m.shown = range names {
		lines := m.head()
		if rows := m.rows(); len(rows) > 0 {
			lines = append(lines, m.table(rows, 0, len(rows)+1)...)
		}
		for _, line := range lines {
			b.WriteString(strings.TrimRight(ansi.Strip(line), " ") + "\n")
		}
	}
	return b.String()
}

// head returns the lines above the table.
func (m *Model) head() []string {
	lines := []string{m.title()}
	if m.lost.Lost {
		lines = append(lines, badStyle.Render(fmt.Sprintf("connection lost %s ago, waiting for dynlb: %s", terminal.Age(m.now.Sub(m.since)), terminal.Printable(m.lost.Reason))))
	}
	a := m.current()
	if a.pool == nil {
		return append(lines, faintStyle.Render("waiting for the first message"))
	}
	lines = append(lines, m.targetLine(a.pool), m.trafficLine(a), m.timesLine(a))
	lines = append(lines, problems(a.pool)...)
	lines = append(lines, m.sparks(a)...)
	return append(lines, "")
}

// title returns the first line: which dynlb and which app, and the time.
func (m *Model) title() string {
	left := boldStyle.Render("dynlb top") + "  " + m.options.Address
	if len(m.names) > 1 {
		var names []string
		for _, name := range m.names {
			if name == m.shown {
				name = boldStyle.Render("[" + terminal.Printable(name) + "]")
			} else {
				name = terminal.Printable(name)
			}
			names = append(names, name)
		}
		left += "  " + strings.Join(names, " ")
	}
	clock := m.now.Local().Format("15:04:05")
	space := m.width - lipgloss.Width(left) - len(clock)
	if m.width > 0 && space < 1 {
		return left
	}
	return left + strings.Repeat(" ", max(2, space)) + faintStyle.Render(clock)
}

// targetLine returns how many instances there are and should be, and why.
func (m *Model) targetLine(p *dynlbv1.Pool) string {
	ready := 0
	for _, in := range p.GetInstances() {
		if in.GetState() == dynlbv1.InstanceState_INSTANCE_STATE_READY {
			ready++
		}
	}
	count := fmt.Sprintf("%d ready of %d", ready, p.GetTarget())
	style := goodStyle
	if ready < int(p.GetTarget()) {
		style = warnStyle
	}
	if ready == 0 && p.GetTarget() > 0 {
		style = badStyle
	}
	parts := []string{style.Render(count), fmt.Sprintf("(%d to %d)", p.GetMinInstances(), p.GetMaxInstances())}
	if p.GetVersion() != "" {
		parts = append(parts, "version "+terminal.Printable(p.GetVersion()))
	}
	if d := p.GetLastDecision(); d != nil {
		parts = append(parts, faintStyle.Render(fmt.Sprintf("%s ago, by %s: %s", terminal.Age(m.now.Sub(d.GetTime().AsTime())), d.GetRule(), terminal.Printable(d.GetReason()))))
	}
	return strings.Join(parts, " ")
}

// trafficLine returns the rates, and what is in flight.
func (m *Model) trafficLine(a *app) string {
	f := &a.figures
	of := func(counter func(*dynlbv1.Traffic) float64) float64 { return f.rate(counter, rateWindow) }
	client := of(func(t *dynlbv1.Traffic) float64 { return float64(t.GetClientError()) })
	server := of(func(t *dynlbv1.Traffic) float64 { return float64(t.GetServerError()) })
	inFlight, streams := 0, 0
	for _, in := range a.pool.GetInstances() {
		inFlight += int(in.GetInFlight())
		streams += int(in.GetStreams())
	}
	parts := []string{
		"req/s " + boldStyle.Render(number(of(total))), "4xx/s " + number(client), "5xx/s " + alarm(server > 0).Render(number(server)),
		fmt.Sprintf("in flight %d", inFlight-streams), fmt.Sprintf("streams %d", streams),
		"queue " + warning(a.pool.GetWaitingRequests() > 0).Render(fmt.Sprint(a.pool.GetWaitingRequests())), fmt.Sprintf("restarts %d", a.pool.GetRestarts()),
	}
	return m.fit(parts)
}

// timesLine returns the response times, and the load between its thresholds.
func (m *Model) timesLine(a *app) string {
	p50, p95, p99 := a.figures.percentiles()
	load, up, down := a.pool.GetLoad(), a.pool.GetScaleUpThreshold(), a.pool.GetScaleDownThreshold()
	parts := []string{
		fmt.Sprintf("load %s %s", warning(load > up).Render(fmt.Sprintf("%.2f", load)), gauge(load, up)),
		fmt.Sprintf("(up above %g, down below %g)", up, down),
		"p50 " + milliseconds(p50), "p95 " + milliseconds(p95), "p99 " + milliseconds(p99),
	}
	return m.fit(parts)
}

// fit returns as many parts as fit on a line; the last ones give way.
func (m *Model) fit(parts []string) string {
	for len(parts) > 1 && m.width > 0 && lipgloss.Width(strings.Join(parts, "   ")) > m.width {
		parts = parts[:len(parts)-1]
	}
	return strings.Join(parts, "   ")
}

// problems returns a line for each thing that an operator has to know.
func problems(p *dynlbv1.Pool) (lines []string) {
	add := func(style lipgloss.Style, text string) { lines = append(lines, style.Render(terminal.Printable(text))) }
	if p.GetPaused() {
		add(warnStyle, "paused: requests wait until 'dynlb resume'")
	}
	if reason := p.GetUnavailableReason(); reason != "" {
		add(badStyle, reason)
	}
	if brake := p.GetBrake(); brake != "" {
		add(warnStyle, "not more instances: "+brake)
	}
	if hold := p.GetHoldUntil(); hold != nil {
		add(warnStyle, "held until "+hold.AsTime().Local().Format("15:04:05"))
	}
	if d := p.GetDeploy(); d != nil {
		add(warnStyle, "deploy of "+d.GetVersion()+" in progress")
	}
	if problem, _, _ := strings.Cut(p.GetConfigError(), "\n"); problem != "" {
		add(badStyle, "config reload failed: "+problem)
	}
	return lines
}

// keyLine returns the last line: the keys, and how the table is sorted.
func (m *Model) keyLine() string {
	var parts []string
	for _, k := range keyHelp {
		if k.key == "tab" && len(m.names) < 2 {
			continue
		}
		parts = append(parts, boldStyle.Render(k.key)+" "+faintStyle.Render(k.does))
	}
	return m.fit(parts)
}

// helpLines returns the list of all keys.
func (m *Model) helpLines() []string {
	lines := []string{boldStyle.Render("Keys of dynlb top"), ""}
	for _, k := range [][2]string{
		{"q, Ctrl-C", "quit; Ctrl-Z suspends"},
		{"↑ ↓, k j", "select an instance; Home, End, PgUp and PgDn go further"},
		{"Enter, l", "the log of the selected instance, or no log"},
		{"e", "the last exits with their output, or none"},
		{"s, >  and  <", "sort by the next or previous column"},
		{"r", "reverse the order"},
		{"Tab, n  and  p", "the next or previous app"},
		{"Esc", "close what is below the table"},
		{"?", "this list, or back"},
	} {
		lines = append(lines, fmt.Sprintf("  %-16s %s", k[0], k[1]))
	}
	return append(lines, "", "load: what the autoscaler compares with its thresholds, for each ready instance", "failed: responses with a 5xx, and requests that got none because of the instance", "latency: a decaying average of the time to the head of the response")
}
