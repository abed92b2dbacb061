package std

import (
	"net/http"
	"sync/atomic"
	"time"
)

// date is the text of a Date field, which changes once a second.
type date struct{ last atomic.Pointer[dateText] }

type dateText struct {
	second int64
	text   []byte
}

// at returns the text for a moment.
func (d *date) at(now time.Time) []byte {
	last := d.last.Load()
	if second := now.Unix(); last == nil || last.second != second {
		last = &dateText{second, now.UTC().AppendFormat(nil, http.TimeFormat)}
		d.last.Store(last)
	}
	return last.text
}
