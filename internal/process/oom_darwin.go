package process

// oomWatch knows nothing here: the system does not count such kills.
type oomWatch struct{}

func watchOOM(int) oomWatch { return oomWatch{} }

func (oomWatch) evidence() string { return "" }
