package top

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

const (
	// maxExits and maxLog bound what is kept of exits of an app and of the log that is
	// shown: more than fits on a screen.
	maxExits = 50
	maxLog   = 500
)

// Options are what a Model begins with.
type Options struct {
	// Address is that of dynlb, for the title.
	Address string
	// Follow begins to follow the log of an instance, in place of the present one; that of
	// "" follows none. It does not block. It is no tea.Cmd: those of two keys may run in
	// any order.
	Follow func(app, instance string)
	// App is the app that is shown first. Empty: the first one.
	App string
	// Now is the time until the first Tick.
	Now time.Time
}

// Model is the state of the screen. Create one with New.
type Model struct {
	options       Options
	width, height int
	now           time.Time

	names []string // of the apps
	apps  map[string]*app
	shown string // the name of the app on the screen

	sort    int // index of a column
	reverse bool
	detail  detail
	help    bool

	logOf string // the instance whose log is shown
	log   []*dynlbv1.LogLine

	lost  Connection
	since time.Time // of lost
	err   error
}

// app is what is known of an app.
type app struct {
	pool     *dynlbv1.Pool // nil: no message yet
	figures  figures
	exits    []*dynlbv1.Event // oldest first
	last     *dynlbv1.Event   // the newest event
	selected string           // the id of an instance; "": the first row
}

// detail is what is shown below the table.
type detail int

const (
	detailNone detail = iota
	detailLog
	detailExits
)

// New returns a Model without a state.
func New(o Options) *Model {
	if o.Follow == nil {
		o.Follow = func(string, string) {}
	}
	return &Model{options: o, now: o.Now, apps: map[string]*app{}, shown: o.App, sort: defaultSort}
}

// Err returns the error that has ended the program; nil if there was none.
func (m *Model) Err() error { return m.err }

// Init implements tea.Model.
func (m *Model) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		cmd = m.key(msg.String())
	case Tick:
		m.tick(time.Time(msg))
	case Apps:
		m.setApps(msg)
	case State:
		m.take(msg)
	case Past:
		a := m.app(msg.App)
		a.exits = lastOf(append(slices.Clone(msg.Exits), a.exits...), maxExits)
	case Log:
		m.takeLog(msg)
	case Connection:
		if msg.Lost && !m.lost.Lost {
			m.since = m.now
		}
		m.lost = msg
	case Failure:
		m.err = msg.Err
		cmd = tea.Quit
	case Closed:
		cmd = tea.Quit
	}
	m.follow()
	return m, cmd
}

// app returns what is known of an app.
func (m *Model) app(name string) *app {
	a := m.apps[name]
	if a == nil {
		a = &app{}
		m.apps[name] = a
	}
	return a
}

// current returns the app on the screen.
func (m *Model) current() *app { return m.app(m.shown) }

// setApps sets which apps there are.
func (m *Model) setApps(names []string) {
	m.names = names
	if !slices.Contains(names, m.shown) && len(names) > 0 {
		m.shown = names[0]
	}
}

// take takes the state of an app.
func (m *Model) take(s State) {
	a := m.app(s.App)
	first := a.pool == nil
	a.pool = s.Response.GetPool()
	for _, e := range s.Response.GetEvents() {
		a.last = e
		if e.GetType() == dynlbv1.EventType_EVENT_TYPE_EXITED {
			a.exits = lastOf(append(a.exits, e), maxExits)
		}
	}
	if first {
		a.figures.add(a.pool, m.now)
	}
}

// takeLog takes lines of the log that is shown.
func (m *Model) takeLog(l Log) {
	if l.Instance != m.logOf {
		return
	}
	m.log = lastOf(append(m.log, l.Lines...), maxLog)
}

// tick takes the time, and what all apps did in the last second.
func (m *Model) tick(now time.Time) {
	m.now = now
	if m.lost.Lost {
		return // nothing is known of that second
	}
	for _, a := range m.apps {
		if a.pool != nil {
			a.figures.add(a.pool, now)
		}
	}
}

// follow has the log of the selected instance followed, if that is another one now.
func (m *Model) follow() {
	want := ""
	if m.detail == detailLog {
		if in := m.selected(); in != nil {
			want = in.GetId()
		} else if m.logOf != "" && m.lost.Lost {
			return
		}
	}
	if want == m.logOf {
		return
	}
	m.logOf, m.log = want, nil
	m.options.Follow(m.shown, want)
}

// lastOf returns the last n elements.
func lastOf[T any](all []T, n int) []T { return all[max(0, len(all)-n):] }
