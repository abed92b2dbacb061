package config

import (
	"sync"

	"gopkg.in/yaml.v3"
)

// Default returns the values of an empty file. WorkDir, which depends on where
// that file is, stays empty.
func Default() Config { return defaults() }

// defaults decodes the defaults of all keys, as the file would state them.
var defaults = sync.OnceValue(func() Config {
	r := &reader{set: map[string]place{}, bad: map[string]bool{}}
	r.applyDefaults("", keysOf(&r.config))
	return r.config
})

// applyDefaults applies the defaults of a table. A default that its own decoder refuses
// is left out, with a problem.
func (r *reader) applyDefaults(prefix string, table []Key) {
	for _, k := range table {
		r.applyDefaults(prefix+k.Name+".", k.Keys)
		if k.Default == "" || k.implied {
			continue
		}
		at := place{key: prefix + k.Name}
		var document yaml.Node
		if err := yaml.Unmarshal([]byte(k.Default), &document); err != nil {
			r.problem(at, "is not YAML: %v", err)
			continue
		}
		k.Value.decode(r, at, document.Content[0])
	}
}
