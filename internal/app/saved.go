package app

import (
	"encoding/json"

	"github.com/dynlb/dynlb/internal/autoscaler"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/route"
)

// Saved is what an app leaves to that of another process. All of its fields are optional.
type Saved struct {
	Registry registry.Saved   `json:"registry,omitzero"`
	Board    notice.Saved     `json:"board,omitzero"`
	Scaling  autoscaler.Saved `json:"scaling,omitzero"`
	Fleet    json.RawMessage  `json:"fleet,omitempty"`
	Route    route.Saved      `json:"route,omitzero"`
	// Journal has the last events, of an app that has left.
	Journal notice.SavedJournal `json:"journal,omitzero"`
}

// Save returns what another process goes on with if this one dies. process is this one.
func (a *App) Save(process int) (s Saved) {
	s.Scaling, s.Fleet = a.Scaler.Save(), a.Fleet.Save()
	s.Board, s.Registry, s.Route = a.Board.Save(), a.Registry.Save(process), a.Route.Save()
	return s
}

// Leave is Save for the last time: the target stays, the fleet does nothing more to its
// instances, and Run returns. The requests that the app has go on, as leases of the
// registry.
func (a *App) Leave(process int) (s Saved) {
	a.endScaling()
	<-a.scalingDone
	s.Scaling, s.Fleet = a.Scaler.Save(), a.Fleet.Leave()
	s.Board, s.Registry, s.Route = a.Board.Save(), a.Registry.Save(process), a.Route.Save()
	s.Journal = a.Board.SaveJournal()
	return s
}

// Restore has Run go on with what another process has saved. gone says that it is no more,
// and the requests that it had with it. Call it before Run and before any request.
func (a *App) Restore(s Saved, gone bool) error {
	a.Registry.Restore(s.Registry, gone)
	a.Board.Restore(s.Board)
	a.Board.RestoreJournal(s.Journal)
	a.Scaler.Restore(s.Scaling)
	a.Route.Restore(s.Route)
	return a.Fleet.Restore(s.Fleet)
}
