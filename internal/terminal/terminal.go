// Package terminal has texts as people read them on a terminal: what `dynlb status` and
// `dynlb top` say about instances.
package terminal

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// Printable returns text that is safe on one line of a terminal: control characters and
// those that change the direction of text become U+FFFD, and a tab becomes a space.
func Printable(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\t':
			return ' '
		case unicode.IsControl(c), unicode.Is(unicode.Bidi_Control, c):
			return utf8.RuneError
		default:
			return c
		}
	}, text)
}

// ShortID returns the part of a UUID that people need to tell instances apart.
func ShortID(id string) string { return id[:min(8, len(id))] }

// Age returns a time in two units at most.
func Age(d time.Duration) string {
	d = max(0, d)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
	}
}

// Memory returns an amount of memory; "-" for 0, which is not known.
func Memory(n uint64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// State returns the state of an instance, or that it is ejected.
func State(in *dynlbv1.Instance) string {
	if in.GetEjectedUntil() != nil {
		return "ejected"
	}
	return strings.ToLower(strings.TrimPrefix(in.GetState().String(), "INSTANCE_STATE_"))
}
