package fleet

import (
	"encoding/json"
	"errors"
)

// ErrMoved reports that another process of dynlb goes on with the instances, and with what
// was under way.
var ErrMoved = errors.New("another process of dynlb goes on with this")

// Movable is the part of a Fleet by which its instances outlive its process: another process
// goes on with them. The registry is saved and restored apart from it.
type Movable interface {
	// Save returns what another process goes on with, if this one dies.
	Save() json.RawMessage
	// Leave is Save for the last time. From then on the fleet does nothing to its instances
	// any more, and reads nothing of them; Run returns, and they stay. Leave takes half a
	// second at most.
	Leave() json.RawMessage
	// Restore has Run go on with what another process has saved. Call it before Run, after
	// the registry was restored. What it does not know is ignored.
	Restore(saved json.RawMessage) error
}
