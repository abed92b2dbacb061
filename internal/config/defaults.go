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
	r := &reader{set: map[string]place{}, bad: map[string]bool{}, secrets: map[string]string{}}
	r.applyDefaults("", keysOf(&r.config))
	return r.config
})

// applyDefaults decodes the defaults of a table. It records a default that its own
// decoder refuses as a problem; a test checks that there is none.
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
