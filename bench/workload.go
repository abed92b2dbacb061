package main

// A workload is one kind of traffic. Each is measured over all peers before the
// next one; a new one is an entry in workloads, and a path in the origin if it
// wants another answer.
type workload struct {
	name        string // as the table shows it
	path        string // what the client asks for
	bodyBytes   int    // length every answer must have
	connections int    // keep-alive connections, one request at a time on each
}

func workloads(s settings) []workload {
	return []workload{
		{name: "GET 64 B", path: "/", bodyBytes: len(originBody), connections: s.Connections},
	}
}
