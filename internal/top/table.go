package top

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/terminal"
)

// row is an instance with its figures.
type row struct {
	in   *dynlbv1.Instance
	rate float64
	now  time.Time
}

// column is a column of the table.
type column struct {
	title string
	right bool // numbers
	// drop is the order in which columns give way to a narrow screen, the highest first.
	drop int
	cell func(row) string
	// compare orders rows: the row that an operator wants to see most comes first, such as the busiest.
	compare func(a, b row) int
}

// by returns a comparison by a number, the highest first.
func by[T cmp.Ordered](value func(row) T) func(a, b row) int {
	return func(a, b row) int { return cmp.Compare(value(b), value(a)) }
}

// text returns a comparison by a text, in alphabetical order.
func text(cell func(row) string) func(a, b row) int {
	return func(a, b row) int { return cmp.Compare(cell(a), cell(b)) }
}

// defaultSort is the index of the column AGE, and streamsColumn that of the column STREAMS,
// which is left out while there are none.
const (
	defaultSort   = 10
	streamsColumn = 3
)

// columns are the columns of the table, in their order.
var columns = []column{
	{"INSTANCE", false, 0, func(r row) string { return terminal.ShortID(r.in.GetId()) }, text(func(r row) string { return r.in.GetId() })},
	{"STATE", false, 0, func(r row) string { return terminal.State(r.in) }, text(func(r row) string { return terminal.State(r.in) })},
	{"IN-FLIGHT", true, 1, func(r row) string { return fmt.Sprint(r.in.GetInFlight()) }, by(func(r row) int32 { return r.in.GetInFlight() })},
	{"STREAMS", true, 10, func(r row) string { return fmt.Sprint(r.in.GetStreams()) }, by(func(r row) int32 { return r.in.GetStreams() })},
	{"REQ/S", true, 2, func(r row) string { return number(r.rate) }, by(func(r row) float64 { return r.rate })},
	{"FAILED", true, 3, func(r row) string { return fmt.Sprint(r.in.GetFailures()) }, by(func(r row) uint64 { return r.in.GetFailures() })},
	{"LATENCY", true, 4, func(r row) string { return milliseconds(r.in.GetResponseTimeMs()) }, by(func(r row) float64 { return r.in.GetResponseTimeMs() })},
	{"LOAD", true, 7, func(r row) string { return fmt.Sprintf("%.2f", r.in.GetLoad()) }, by(func(r row) float64 { return r.in.GetLoad() })},
	{"CPU", true, 5, func(r row) string { return fmt.Sprintf("%.0f%%", 100*r.in.GetCpuCores()) }, by(func(r row) float64 { return r.in.GetCpuCores() })},
	{"MEMORY", true, 6, func(r row) string { return terminal.Memory(r.in.GetMemoryBytes()) }, by(func(r row) uint64 { return r.in.GetMemoryBytes() })},
	{"AGE", true, 8, func(r row) string { return terminal.Age(r.now.Sub(r.in.GetStartTime().AsTime())) }, by(func(r row) time.Duration { return r.now.Sub(r.in.GetStartTime().AsTime()) })},
	{"VERSION", false, 9, versionOf, text(versionOf)},
	{"ADDRESS", false, 11, func(r row) string { return r.in.GetAddress() }, text(func(r row) string { return r.in.GetAddress() })},
	{"HANDLE", false, 12, func(r row) string { return r.in.GetHandle() }, text(func(r row) string { return r.in.GetHandle() })},
}

// rows returns the instances of the app on the screen, sorted.
func (m *Model) rows() []row {
	a := m.current()
	var rows []row
	for _, in := range a.pool.GetInstances() {
		rows = append(rows, row{in, a.figures.instanceRate(in.GetId()), m.now})
	}
	compare := columns[m.sort].compare
	slices.SortStableFunc(rows, func(a, b row) int {
		order := compare(a, b)
		if m.reverse {
			order = -order
		}
		return cmp.Or(order, cmp.Compare(a.in.GetId(), b.in.GetId()))
	})
	return rows
}

// cursor returns the index of the selected row: the first one if the selected instance is
// gone.
func (m *Model) cursor(rows []row) int {
	id := m.current().selected
	return max(0, slices.IndexFunc(rows, func(r row) bool { return r.in.GetId() == id }))
}

// selected returns the selected instance; nil if there is none.
func (m *Model) selected() *dynlbv1.Instance {
	rows := m.rows()
	if len(rows) == 0 {
		return nil
	}
	return rows[m.cursor(rows)].in
}

// mark is the width of the mark of the selected row, and gap that between two columns.
const (
	mark = 2
	gap  = 2
)

// table returns the lines of the table: the titles, and as many rows around the selected one
// as fit.
func (m *Model) table(rows []row, width, height int) (lines []string) {
	shown, widths := fitColumns(rows, width)
	titles := make([]string, len(shown))
	for i, c := range shown {
		titles[i] = columns[c].title
		if c == m.sort {
			titles[i] = "▾" + titles[i]
			if m.reverse {
				titles[i] = "▴" + columns[c].title
			}
		}
	}
	lines = append(lines, titleStyle.Render(strings.Repeat(" ", mark)+joinCells(shown, widths, titles)))
	at := m.cursor(rows)
	room := max(1, height-1)
	from := min(max(0, at-room/2), max(0, len(rows)-room))
	for i := from; i < min(len(rows), from+room); i++ {
		cells := make([]string, len(shown))
		for j, c := range shown {
			cells[j] = columns[c].cell(rows[i])
		}
		line := joinCells(shown, widths, cells)
		if i == at {
			lines = append(lines, selectedStyle.Render(clip("▸ "+line, width)))
			continue
		}
		lines = append(lines, stateStyle(rows[i].in).Render(clip("  "+line, width)))
	}
	return lines
}

// fitColumns returns the columns that fit into a width, and how wide they are. A column for
// which no instance has anything is left out. Width 0: all fit.
func fitColumns(rows []row, width int) (shown, widths []int) {
	sizes := make([]int, len(columns))
	for i, c := range columns {
		filled := i < 2
		for _, r := range rows {
			cell := c.cell(r)
			filled = filled || cell != "" && (i != streamsColumn || cell != "0")
			sizes[i] = max(sizes[i], lipgloss.Width(cell))
		}
		if !filled {
			continue
		}
		sizes[i] = max(sizes[i], lipgloss.Width(c.title)+1) // with the mark of the sort
		shown = append(shown, i)
	}
	for width > 0 && len(shown) > 1 && sumOf(shown, sizes) > width {
		last := slices.MaxFunc(shown, func(a, b int) int { return cmp.Compare(columns[a].drop, columns[b].drop) })
		if columns[last].drop == 0 {
			break
		}
		shown = slices.DeleteFunc(shown, func(i int) bool { return i == last })
	}
	for _, i := range shown {
		widths = append(widths, sizes[i])
	}
	return shown, widths
}

// sumOf returns the width of a row with some columns.
func sumOf(shown, sizes []int) int {
	sum := mark + gap*(len(shown)-1)
	for _, i := range shown {
		sum += sizes[i]
	}
	return sum
}

// joinCells returns a row: numbers are aligned to the right.
func joinCells(shown, widths []int, cells []string) string {
	padded := make([]string, len(cells))
	for i, cell := range cells {
		fill := strings.Repeat(" ", max(0, widths[i]-lipgloss.Width(cell)))
		if columns[shown[i]].right {
			padded[i] = fill + cell
		} else {
			padded[i] = cell + fill
		}
	}
	return strings.TrimRight(strings.Join(padded, strings.Repeat(" ", gap)), " ")
}

// versionOf returns the version of an instance, marked if it is being deployed.
func versionOf(r row) string {
	text := terminal.Printable(r.in.GetVersion())
	if r.in.GetStaged() {
		text = strings.TrimSpace(text + " (new)")
	}
	return text
}
