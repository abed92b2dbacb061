package config

import "time"

// History bounds what is remembered.
type History struct {
	MaxSize int64 // bytes
	MaxAge  time.Duration
}

// Logs say where the output of instances goes.
type Logs struct {
	// To is log, journald or none.
	To string
	// MaxSize and MaxTotal are in bytes. MaxTotal is 0 if there are no files.
	MaxSize, MaxTotal int64
	MaxAge            time.Duration
}

// stateKeys are about what dynlb remembers.
func stateKeys(c *Config) []Key {
	return []Key{
		{
			Name: "stateDir", Value: fileOr(&c.StateDir, Off), Example: "/var/lib/dynlb", Change: NewProcess,
			Meaning: "The folder of what outlives dynlb, such as its history and the output of instances, for one dynlb alone. Unset: `STATE_DIRECTORY`, which systemd sets, or a folder for each config file in `$XDG_STATE_HOME/dynlb` or `~/.local/state/dynlb`. `off`, or a folder that cannot be written, means that nothing outlives dynlb.",
		},
		{
			Name: "history", Keys: historyKeys(&c.History),
			Meaning: "How much of the past is kept in `stateDir`: events, exits, and figures at 1 s for 6 hours, at 10 s for 2 days and at 1 min beyond. It is read by `dynlb events` and `dynlb history`.",
		},
		{
			Name: "logs", Keys: logsKeys(&c.Logs),
			Meaning: "Where the output of instances goes.",
		},
	}
}

func historyKeys(h *History) []Key {
	return []Key{
		{
			Name: "maxSize", Value: size(&h.MaxSize, minHistory, maxMemory), Default: "256MiB", Change: NewProcess,
			Meaning: "How much it takes on the disk at most. The oldest is forgotten first.",
		},
		{
			Name: "maxAge", Value: duration(&h.MaxAge, minWait), Default: "2160h", Change: NewProcess,
			Meaning: "How long it is kept, within `maxSize`.",
		},
	}
}

// minHistory holds some days of a quiet app.
const minHistory = 8 << 20

func logsKeys(l *Logs) []Key {
	return []Key{
		{
			Name: "to", Value: oneOf(&l.To, "log", "journald", "none"), Default: "log", Change: NewProcess,
			Meaning: "`log` is the log of dynlb, on standard error. `journald` is the journal of systemd, with the fields `DYNLB_APP`, `DYNLB_INSTANCE` and `DYNLB_STREAM`. `none` leaves the files alone. Lines that are JSON objects keep their level and message in both.",
		},
		{
			Name: "maxSize", Value: size(&l.MaxSize, minRotated, maxRotated), Default: "10MiB", Change: NewProcess,
			Meaning: "The size of a file in `stateDir` at which a new one is begun. An instance has two at most: its latest output.",
		},
		{
			Name: "maxTotal", Value: size(&l.MaxTotal, 0, maxMemory), Default: "256MiB", Change: NewProcess,
			Meaning: "How much all files take at most. The files of instances that ended longest ago are removed first. 0 means that there are none, and `dynlb logs` has the last lines that are in memory.",
		},
		{
			Name: "maxAge", Value: duration(&l.MaxAge, minWait), Default: "168h", Change: NewProcess,
			Meaning: "How long a file is kept after its last line.",
		},
	}
}
