package route

// TakePartial takes a place for a partial request: one that is given an instance before
// enough of its content is there (policy.FirstContent). There is one place for each
// instance of the app, so that slow clients cannot hold an instance to themselves, nor
// have instances added. It reports whether there was a place; DropPartial gives it back,
// when enough of the content is there, or the instance has begun to respond.
func (a *App) TakePartial() bool {
	if int(a.partial.Add(1)) <= max(1, a.registry.Len()) {
		return true
	}
	a.partial.Add(-1)
	return false
}

// DropPartial gives a place of TakePartial back.
func (a *App) DropPartial() { a.partial.Add(-1) }
