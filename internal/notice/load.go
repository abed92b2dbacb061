package notice

import "slices"

// Load is the load that decisions about the target are based on.
type Load struct {
	// PerInstance is the average load per instance over the last window.
	PerInstance float64
	// Up and Down are the thresholds that PerInstance is compared with. Zero: the policy
	// has none.
	Up, Down float64
}

// RuleCount is how many times a rule has raised and lowered the target.
type RuleCount struct {
	Rule            string
	Raised, Lowered uint64
}

// SetLoad sets the load. It is not announced: it changes with every window.
func (b *Board) SetLoad(load Load) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report.Load = load
}

// counted returns a copy of list to which a count is added.
func counted(list []RuleCount, add RuleCount) []RuleCount {
	list = slices.Clone(list) // snapshots share it
	for i := range list {
		if list[i].Rule == add.Rule {
			list[i].Raised += add.Raised
			list[i].Lowered += add.Lowered
			return list
		}
	}
	return append(list, add)
}
