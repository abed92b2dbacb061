package main

import (
	"slices"
	"strings"
)

// durationPattern is the JSON form of google.protobuf.Duration.
const durationPattern = `^-?[0-9]+(\.[0-9]{1,9})?s$`

// uint64Pattern is the JSON form of a 64-bit integer, which protobuf writes as a string.
const uint64Pattern = `^[0-9]+$`

// schemaOf returns a schema in OpenAPI 3.1.
func schemaOf(from object) object {
	out := object{}
	for key, value := range from {
		switch value := value.(type) {
		case object:
			if key == "properties" {
				out[key] = properties(value)
			} else {
				out[key] = schemaOf(value)
			}
		case string:
			out[key] = value
			if key == "$ref" {
				out[key] = strings.Replace(value, "#/definitions/", "#/components/schemas/", 1)
			}
		default:
			out[key] = value
		}
	}
	if out["$ref"] != nil {
		delete(out, "type") // protoc-gen-openapiv2 writes it beside a reference to an enum, too
	}
	switch out["format"] {
	case "uint64", "int64":
		out["pattern"] = uint64Pattern
	}
	return out
}

func properties(from object) object {
	out := object{}
	for name, schema := range from {
		out[name] = schemaOf(schema.(object))
	}
	return out
}

// lineOf returns the schema of a line of a stream, which has one of two properties.
func lineOf(from object) object {
	all := properties(from["properties"].(object))
	var either []any
	for _, name := range []string{"result", "error"} {
		either = append(either, object{
			"type": "object", "properties": object{name: all[name]}, "required": []string{name}, "additionalProperties": false,
		})
	}
	return object{"oneOf": either}
}

// definition returns the schema of a message or of an enum.
func (s *swagger) definition(name string, from object) object {
	out := schemaOf(from)
	delete(out, "default") // of an enum: a value that is never sent
	delete(out, "title")
	fields, _ := out["properties"].(object)
	if hold, ok := fields["hold"].(object); ok && name == "ScaleToRequest" { // a google.protobuf.Duration
		hold["pattern"] = durationPattern
	}
	if strings.HasSuffix(name, "Request") || name == "Any" {
		return out
	}
	// dynlb writes zero values too, and omits only messages that are unset.
	var required []string
	for field, schema := range fields {
		if f := schema.(object); f["$ref"] == nil && f["format"] != "date-time" || s.isEnum(f) {
			required = append(required, field)
		}
	}
	slices.Sort(required)
	if required != nil {
		out["required"] = required
	}
	return out
}

// isEnum reports whether a schema is a reference to an enum.
func (s *swagger) isEnum(schema object) bool {
	ref, _ := schema["$ref"].(string)
	return s.Definitions[ref[strings.LastIndexByte(ref, '/')+1:]]["enum"] != nil
}
