package route

// TakePartial takes a place for a partial request: one that gets an instance before
// enough of its content has arrived (policy.FirstContent). It reports whether there was a
// place. There are as many places as the app has instances. So slow clients cannot occupy
// an instance alone, and cannot cause instances to be added. DropPartial gives the place
// back when enough of the content has arrived, or the instance has begun to respond.
func (a *App) TakePartial() bool {
	if int(a.partial.Add(1)) <= max(1, a.registry.Len()) {
		return true
	}
	a.partial.Add(-1)
	return false
}

// DropPartial gives a place of TakePartial back.
func (a *App) DropPartial() { a.partial.Add(-1) }
