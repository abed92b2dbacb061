package config

// Brakes says which limits of the machine keep the number of instances from rising.
type Brakes struct{ Memory, CPU bool }

// brakesKeys are the keys of brakes.
func brakesKeys(b *Brakes) []Key {
	return []Key{
		{
			Name: "memory", Value: boolean(&b.Memory), Default: "true", Change: AtOnce,
			Meaning: "Whether there are no more instances than memory has room for: what the machine and the cgroups above dynlb have left, against what an instance uses.",
		},
		{
			Name: "cpu", Value: boolean(&b.CPU), Default: "true", Change: AtOnce,
			Meaning: "Whether no instance is added when the processors are less than 10 % idle, the instances use a third of the busy time or more, and there are as many of them as processors.",
		},
	}
}
