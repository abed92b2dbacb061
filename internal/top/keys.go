package top

import (
	"slices"

	tea "charm.land/bubbletea/v2"
)

// keyHelp is the list of the keys: the first ones are always shown.
var keyHelp = []struct{ key, does string }{
	{"q", "quit"},
	{"↑↓", "select"},
	{"enter", "log"},
	{"e", "exits"},
	{"s", "sort"},
	{"r", "reverse"},
	{"tab", "next app"},
	{"?", "help"},
}

// key carries out a key.
func (m *Model) key(name string) tea.Cmd {
	switch name {
	case "q", "ctrl+c":
		return tea.Quit
	case "ctrl+z":
		return tea.Suspend
	case "?", "h":
		m.help = !m.help
	case "esc":
		m.help, m.detail = false, detailNone
	case "up", "k":
		m.move(-1)
	case "down", "j":
		m.move(1)
	case "pgup":
		m.move(-10)
	case "pgdown":
		m.move(10)
	case "home", "g":
		m.move(-len(m.rows()))
	case "end", "G":
		m.move(len(m.rows()))
	case "enter", "space", "l":
		m.toggle(detailLog)
	case "e":
		m.toggle(detailExits)
	case "s", "right", ">":
		m.sort = (m.sort + 1) % len(columns)
	case "left", "<":
		m.sort = (m.sort + len(columns) - 1) % len(columns)
	case "r", "S":
		m.reverse = !m.reverse
	case "tab", "n":
		m.switchApp(1)
	case "shift+tab", "p":
		m.switchApp(-1)
	}
	return nil
}

// toggle shows something below the table, or nothing if it is shown.
func (m *Model) toggle(d detail) {
	if m.detail == d {
		d = detailNone
	}
	m.detail = d
}

// move selects the instance that is n rows further down.
func (m *Model) move(n int) {
	rows := m.rows()
	if len(rows) == 0 {
		return
	}
	at := min(max(0, m.cursor(rows)+n), len(rows)-1)
	m.current().selected = rows[at].in.GetId()
}

// switchApp shows the app that is n further in the list.
func (m *Model) switchApp(n int) {
	if len(m.names) == 0 {
		return
	}
	at := max(0, slices.Index(m.names, m.shown))
	m.shown = m.names[(at+n+len(m.names))%len(m.names)]
}
