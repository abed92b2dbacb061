package config

// limitsKeys are the keys of limits.
func limitsKeys(l *Limits) []Key {
	return []Key{
		{
			Name: "requestLine", Value: size(&l.RequestLine, minHead, maxHead), Default: "8KiB", Change: AtOnce,
			Meaning: "The size of a request line, at most `header`. A longer one is answered 414.",
		},
		{
			Name: "header", Value: size(&l.Header, minHead, maxHead), Default: "64KiB", Change: AtOnce,
			Meaning: "The size of a whole request header. A larger one is answered 431.",
		},
		{
			Name: "headerFields", Value: whole(&l.HeaderFields, 1, maxFields), Default: "100", Change: AtOnce,
			Meaning: "The number of header fields. More are answered 431.",
		},
		{
			Name: "headerTimeout", Value: duration(&l.HeaderTimeout, minWait), Default: "10s", Change: AtOnce,
			Meaning: "How long a request header may take from its first byte. A slower one is answered 408.",
		},
		{
			Name: "bodyTimeout", Value: duration(&l.BodyTimeout, minWait), Default: "30s", Change: AtOnce,
			Meaning: "How long a client may be silent within a request body. After that it is answered 408.",
		},
		{
			Name: "minRate", Value: size(&l.MinRate, 0, maxRate), Default: "240", Change: AtOnce,
			Meaning: "The rate in bytes a second at which a client must send a request body, and take a response, while dynlb waits for it. A request that is behind it by `bodyTimeout` is answered 408; a response that is behind it by `idleTimeout` is broken off. 0 means no such limit.",
		},
		{
			Name: "chunkLine", Value: size(&l.ChunkLine, minHead, maxHead), Default: "256", Change: AtOnce,
			Meaning: "The size of a chunk's size line. A longer one is answered 400.",
		},
		{
			Name: "idleTimeout", Value: duration(&l.IdleTimeout, minWait), Default: "60s", Change: AtOnce,
			Meaning: "How long a connection may be idle before it is closed.",
		},
		{
			Name: "connections", Value: whole(&l.Connections, 0, maxCount), Default: "0", Change: AtOnce,
			Meaning: "The largest number of connected clients. Beyond it, the client that has been idle the longest is disconnected; when none is idle, new ones wait to be accepted. 0 derives it from the limit of open files.",
		},
	}
}
