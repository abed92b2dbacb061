package notice

import "slices"

// RuleCount is how many times a rule has raised and lowered the target.
type RuleCount struct {
	Rule            string
	Raised, Lowered uint64
}

// SetLoad sets the average load per instance. It is not announced: it changes with every
// window.
func (b *Board) SetLoad(perInstance float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report.LoadPerInstance = perInstance
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
