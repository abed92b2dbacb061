package config

import (
	"math"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// A key is one name of the file and how its value is read.
type key struct {
	name   string
	decode decoder
	keys   []key // of a mapping, which has no decoder
}

// A decoder stores the value of node, which is neither null nor an alias, in
// the field it was made for, or reports what is wrong with it.
type decoder func(r *reader, at place, node *yaml.Node)

// Bounds that do not come from another key.
const (
	maxPort  = 65535
	maxCount = math.MaxInt32
	// minWait is the smallest time in which anything can be waited for; below
	// it, intervals would spin.
	minWait = time.Millisecond
	// minHead holds the request line of a health check, and maxHead what nobody
	// needs: a head is kept in memory until it is complete.
	minHead, maxHead = 64, 1 << 20
	maxFields        = 10000
	// minMemory is less than a program takes to start, and maxMemory more than a
	// machine has.
	minMemory, maxMemory = 1 << 20, 1 << 50
)

// keysOf is the table of all keys of the file, in the order of the
// documentation. Their decoders fill c.
func keysOf(c *Config) []key {
	return []key{
		{name: "location", decode: file(&c.Location)},
		{name: "minInstances", decode: whole(&c.MinInstances, 0, maxPort)},
		{name: "maxInstances", decode: whole(&c.MaxInstances, 1, maxPort)},
		{name: "checkInterval", decode: duration(&c.CheckInterval, minWait)},
		{name: "healthTimeout", decode: duration(&c.HealthTimeout, minWait)},
		{name: "scaleUpThreshold", decode: number(&c.ScaleUpThreshold)},
		{name: "scaleDownThreshold", decode: number(&c.ScaleDownThreshold)},
		{name: "idleTimeout", decode: duration(&c.IdleTimeout, 0)},
		{name: "command", decode: command(&c.Command)},
		{name: "env", decode: environment(&c.Env)},
		{name: "workDir", decode: folder(&c.WorkDir)},
		{name: "listen", decode: address(&c.Listen)},
		{name: "admin", decode: address(&c.Admin)},
		{name: "adminHTTP", decode: address(&c.AdminHTTP)},
		{name: "auth", keys: authKeys(&c.Auth, checked)},
		{name: "basePort", decode: whole(&c.BasePort, 1, maxPort)},
		{name: "healthPath", decode: target(&c.HealthPath)},
		{name: "startTimeout", decode: duration(&c.StartTimeout, minWait)},
		{name: "stopTimeout", decode: duration(&c.StopTimeout, 0)},
		{name: "drainTimeout", decode: duration(&c.DrainTimeout, 0)},
		{name: "requestTimeout", decode: duration(&c.RequestTimeout, minWait)},
		{name: "maxConcurrency", decode: whole(&c.MaxConcurrency, 0, maxCount)},
		{name: "queue", keys: []key{
			{name: "limit", decode: whole(&c.Queue.Limit, 0, maxCount)},
			{name: "timeout", decode: duration(&c.Queue.Timeout, minWait)},
		}},
		{name: "trustedProxies", decode: prefixes(&c.TrustedProxies)},
		{name: "verifyPort", decode: boolean(&c.VerifyPort)},
		{name: "user", decode: account(&c.User)},
		{name: "maxRequests", decode: whole(&c.MaxRequests, 0, maxCount)},
		{name: "maxAge", decode: duration(&c.MaxAge, 0)},
		{name: "maxMemory", decode: memory(&c.MaxMemory)},
		{name: "limits", keys: []key{
			{name: "requestLine", decode: size(&c.Limits.RequestLine, minHead, maxHead)},
			{name: "header", decode: size(&c.Limits.Header, minHead, maxHead)},
			{name: "headerFields", decode: whole(&c.Limits.HeaderFields, 1, maxFields)},
			{name: "headerTimeout", decode: duration(&c.Limits.HeaderTimeout, minWait)},
			{name: "bodyTimeout", decode: duration(&c.Limits.BodyTimeout, minWait)},
			{name: "chunkLine", decode: size(&c.Limits.ChunkLine, minHead, maxHead)},
			{name: "idleTimeout", decode: duration(&c.Limits.IdleTimeout, minWait)},
			{name: "connections", decode: whole(&c.Limits.Connections, 0, maxCount)},
		}},
	}
}

// authKeys is the table of the keys of auth. Their decoders, which read makes,
// fill a.
func authKeys(a *Auth, read func(field *string, check func(path string) error) decoder) []key {
	return []key{
		{name: "tokenFile", decode: read(&a.TokenFile, checkToken)},
		{name: "tls", keys: []key{
			{name: "cert", decode: read(&a.TLS.Cert, checkReadable)},
			{name: "key", decode: read(&a.TLS.Key, checkPrivate)},
			{name: "clientCA", decode: read(&a.TLS.ClientCA, checkCAs)},
		}},
	}
}

func find(table []key, name string) (key, bool) {
	for _, k := range table {
		if k.name == name {
			return k, true
		}
	}
	return key{}, false
}

// names lists the keys of a table for a message.
func names(table []key) string {
	all := make([]string, len(table))
	for i, k := range table {
		all[i] = k.name
	}
	return strings.Join(all, ", ")
}
