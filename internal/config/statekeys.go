package config

// stateKeys are about what dynlb remembers.
func stateKeys(c *Config) []Key {
	return []Key{
		{
			Name: "stateDir", Value: fileOr(&c.StateDir, Off), Example: "/var/lib/dynlb", Change: NewProcess,
			Meaning: "The folder of what outlives dynlb, such as its history and the output of instances, for one dynlb alone. Unset: `STATE_DIRECTORY`, which systemd sets, or a folder for each config file in `$XDG_STATE_HOME/dynlb` or `~/.local/state/dynlb`. `off`, or a folder that cannot be written, means that nothing outlives dynlb.",
		},
	}
}
