package policy

import (
	"bytes"
	"log/slog"
	"sync"

	"github.com/dynlb/dynlb/proxy/http1"
)

const (
	maxUnderscores   = 32 // names that are logged: clients choose them
	maxNameInLog     = 64 // bytes
	underscoreNotice = "request field with an underscore in its name dropped: see the key underscoreFields"
)

// Underscores logs once for each name that fields with an underscore are dropped. The
// zero value is ready for use. Its method is safe for concurrent use.
type Underscores struct {
	mu    sync.Mutex // guards all below
	names map[string]struct{}
}

// Note logs the fields that are dropped of a request, if their names are new. Only so
// many names are logged.
func (u *Underscores) Note(r *http1.Request, log *slog.Logger) {
	if !r.Underscored {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.names == nil {
		u.names = make(map[string]struct{})
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		if !f.Drop || f.ID != http1.FieldOther || bytes.IndexByte(f.Name, '_') < 0 || len(u.names) >= maxUnderscores {
			continue
		}
		name := string(f.Name[:min(len(f.Name), maxNameInLog)])
		if _, known := u.names[name]; !known {
			u.names[name] = struct{}{}
			log.Info(underscoreNotice, "field", name)
		}
	}
}
