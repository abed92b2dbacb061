package process

func cgroupsOf(string) []string { return nil }
