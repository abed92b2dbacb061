package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/config"
)

// node is a JSON schema (draft 7), with its keywords in the order in which they
// are written.
type node struct {
	Schema               string          `json:"$schema,omitempty"`
	Title                string          `json:"title,omitempty"`
	Description          string          `json:"description,omitempty"`
	Type                 any             `json:"type,omitempty"`
	Items                *node           `json:"items,omitempty"`
	Required             []string        `json:"required,omitempty"`
	MinItems             int             `json:"minItems,omitempty"`
	MinProperties        int             `json:"minProperties,omitempty"`
	Ref                  string          `json:"$ref,omitempty"`
	MinLength            int             `json:"minLength,omitempty"`
	Minimum              *int64          `json:"minimum,omitempty"`
	ExclusiveMinimum     *int64          `json:"exclusiveMinimum,omitempty"`
	Maximum              *int64          `json:"maximum,omitempty"`
	Pattern              string          `json:"pattern,omitempty"`
	Not                  any             `json:"not,omitempty"`
	PropertyNames        *node           `json:"propertyNames,omitempty"`
	AdditionalProperties any             `json:"additionalProperties,omitempty"`
	Properties           object          `json:"properties,omitempty"`
	Dependencies         object          `json:"dependencies,omitempty"`
	Default              json.RawMessage `json:"default,omitempty"`
}

// schema generates config.schema.json.
func schema(_ []byte, keys []config.Key) ([]byte, error) {
	root, err := mappingNode(keys)
	if err != nil {
		return nil, err
	}
	root.Schema = "http://json-schema.org/draft-07/schema#"
	root.Title = "dynlb config.yaml"
	root.Description = "What dynlb runs, and how. Every key is optional."
	root.Default = nil
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// mappingNode returns the schema of a mapping with the keys. It has a default if
// each of them has.
func mappingNode(keys []config.Key) (node, error) {
	out := node{Type: "object", AdditionalProperties: false}
	var defaults object
	for _, k := range keys {
		property, err := keyNode(k)
		if err != nil {
			return node{}, fmt.Errorf("%s: %w", k.Name, err)
		}
		out.Properties = append(out.Properties, member{k.Name, property})
		if property.Default != nil {
			defaults = append(defaults, member{k.Name, property.Default})
		}
		if k.Required {
			out.Required = append(out.Required, k.Name)
		}
		if k.Needs != nil {
			out.Dependencies = append(out.Dependencies, member{k.Name, k.Needs})
		}
	}
	if len(defaults) < len(keys) {
		return out, nil
	}
	var err error
	out.Default, err = json.Marshal(defaults)
	return out, err
}

// keyNode returns the schema of what a key takes.
func keyNode(k config.Key) (out node, err error) {
	if k.Keys != nil {
		out, err = mappingNode(k.Keys)
		if k.Short != "" {
			out.Type, out.Pattern = []string{"object", "string"}, "^"+k.Short+"$"
		}
	} else {
		out = withVariables(valueNode(k.Value))
		if k.Value.Item != nil {
			item, err := mappingNode(k.Value.Item)
			if err != nil {
				return node{}, err
			}
			if k.Value.Kind == config.Apps {
				out.AdditionalProperties = appNode(item)
			} else {
				out.Items = &item
			}
		}
		out.Default, err = defaultJSON(k)
	}
	out.Description = plain(k.Meaning) + form(k.Value)
	return out, err
}

// variablePattern is part of a text with a variable in it, which any value may be.
const variablePattern = `\$\{`

// withVariables returns a schema that accepts texts with variables, too, in a scalar and in
// the items of a list.
func withVariables(n node) node {
	if n.Items != nil {
		items := withVariables(*n.Items)
		n.Items = &items
	}
	types, several := n.Type.([]string)
	if only, ok := n.Type.(string); ok {
		types = []string{only}
	}
	switch {
	case slices.Contains(types, "array"), slices.Contains(types, "object") && !several, len(types) == 0:
	case !slices.Contains(types, "string"):
		n.Type, n.Pattern = append(slices.Clone(types), "string"), variablePattern
	case n.Pattern != "":
		n.Pattern += "|" + variablePattern
	}
	return n
}

// appNode returns the schema of an app under apps: that of its own keys, and of those
// that it shares with the only app.
func appNode(own node) node {
	own.Type, own.Default = []string{"object", "null"}, nil
	for _, k := range config.Keys() {
		if k.PerApp {
			own.Properties = append(own.Properties, member{k.Name, node{Ref: "#/properties/" + k.Name}})
		}
	}
	return own
}

// defaultJSON returns the default of a key, nil when it has none.
func defaultJSON(k config.Key) (json.RawMessage, error) {
	if k.Default == "" {
		return nil, nil
	}
	var value any
	if err := yaml.Unmarshal([]byte(k.Default), &value); err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	out := []byte("{")
	for i, m := range o {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}'), nil
}
