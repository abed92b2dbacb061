package std

import (
	"net/http"
	"sync/atomic"
	"time"
)

// date caches the text of a Date field for a second.
type date struct{ last atomic.Pointer[dateText] }

type dateText struct {
	second int64
	text   []byte
}

// at returns the text of a Date field for a time.
func (d *date) at(now time.Time) []byte {
	last := d.last.Load()
	if second := now.Unix(); last == nil || last.second != second {
		last = &dateText{second, now.UTC().AppendFormat(nil, http.TimeFormat)}
		d.last.Store(last)
	}
	return last.text
}
