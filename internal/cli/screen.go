package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/logging"
	"github.com/dynlb/dynlb/server"
)

// screen shows the messages of a watch.
type screen interface {
	show(*dynlbv1.WatchInstancesResponse) error
	// redraw shows the last message again, on a screen that can.
	redraw() error
	// pause leaves what was shown as it is: other text follows.
	pause()
}

// newScreen returns the screen for a value of --output.
func newScreen(out io.Writer, output string) screen {
	switch output {
	case outputJSON:
		return lines{out: out, text: func(m *dynlbv1.WatchInstancesResponse) (string, error) {
			data, err := server.MarshalJSON(m)
			return string(data) + "\n", err
		}}
	case outputLines:
		return lines{out: out, text: newEventLines()}
	default:
		return &table{out: out}
	}
}

// lines writes lines for each message, and never redraws.
type lines struct {
	out  io.Writer
	text func(*dynlbv1.WatchInstancesResponse) (string, error)
}

func (l lines) redraw() error { return nil }
func (l lines) pause()        {}

func (l lines) show(m *dynlbv1.WatchInstancesResponse) error {
	text, err := l.text(m)
	if err == nil {
		_, err = io.WriteString(l.out, text)
	}
	return err
}

// newEventLines returns a function that turns a message into a line for each event,
// and one for the summary if it has changed.
func newEventLines() func(*dynlbv1.WatchInstancesResponse) (string, error) {
	last := ""
	return func(m *dynlbv1.WatchInstancesResponse) (string, error) {
		var b strings.Builder
		for _, e := range m.GetEvents() {
			fmt.Fprintf(&b, "%s %s\n", clock(e.GetTime().AsTime()), eventText(e))
		}
		if now := summary(m.GetPool()); now != last {
			last = now
			fmt.Fprintf(&b, "%s %s\n", clock(time.Now()), now)
		}
		return b.String(), nil
	}
}

// clock returns the local time of day.
func clock(t time.Time) string { return t.Local().Format(time.TimeOnly) }

// recentEvents is how many events are shown below the table.
const recentEvents = 8

// table redraws the state in place.
type table struct {
	out    io.Writer
	drawn  int              // lines on the screen
	pool   *dynlbv1.Pool    // of the last message; nil before the first
	recent []*dynlbv1.Event // the last ones
}

func (t *table) show(m *dynlbv1.WatchInstancesResponse) error {
	t.pool = m.GetPool()
	t.recent = append(t.recent, m.GetEvents()...)
	t.recent = t.recent[max(0, len(t.recent)-recentEvents):]
	return t.redraw()
}

func (t *table) pause() { t.drawn, t.pool = 0, nil }

func (t *table) redraw() error {
	if t.pool == nil {
		return nil
	}
	v := view{colours: logging.Colours(underlying(t.out))}
	height := 0
	if f, ok := underlying(t.out).(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil {
			v.width, height = w, h
		}
	}
	var text bytes.Buffer
	v.pool(&text, t.pool)
	if len(t.recent) > 0 {
		v.line(&text, "", "")
	}
	for _, e := range t.recent {
		v.line(&text, clock(e.GetTime().AsTime())+" "+eventText(e), "")
	}
	body := clip(text.Bytes(), height)

	var frame bytes.Buffer
	if t.drawn > 0 {
		fmt.Fprintf(&frame, "\x1b[%dF", t.drawn) // up, to the first column
	}
	frame.WriteString("\x1b[J") // clears all below
	frame.Write(body)
	t.drawn = bytes.Count(body, []byte("\n"))
	_, err := t.out.Write(frame.Bytes())
	return err
}

// clip returns the lines that fit on a screen of the given height. The last row
// remains for the cursor.
func clip(text []byte, height int) []byte {
	if height < 2 {
		return text
	}
	end := 0
	for range height - 1 {
		n := bytes.IndexByte(text[end:], '\n')
		if n < 0 {
			return text
		}
		end += n + 1
	}
	return text[:end]
}
