package main

import (
	"strings"
)

// object is an object of JSON. Its keys are written in alphabetical order.
type object = map[string]any

// swagger is a document of Swagger 2.0, as far as protoc-gen-openapiv2 writes it.
type swagger struct {
	Info        object
	Tags        []object
	Paths       map[string]map[string]*operation
	Definitions map[string]object
}

// operation is a method on a path.
type operation struct {
	Summary, Description, OperationID string
	Tags                              []string
	Parameters                        []parameter
	Responses                         map[string]response
}

type parameter struct {
	Name, Description, In, Type, Format string
	Required                            bool
	Schema, Items                       object
}

type response struct {
	Description string
	Schema      object
}

// convert returns the document in OpenAPI 3.1.
func (s *swagger) convert() object {
	paths := object{}
	for path, methods := range s.Paths {
		if path == "/v1/instances:watch" {
			continue // the same as /v1/instances/watch; generators take the colon for a parameter
		}
		converted := object{}
		for method, op := range methods {
			converted[method] = op.convert(path)
		}
		paths[path] = converted
	}
	for path, o := range plainPaths() {
		paths[path] = object{"get": o}
	}
	schemas := object{}
	for name, schema := range s.Definitions {
		schemas[name] = s.definition(name, schema)
	}
	return object{
		"openapi": "3.1.0",
		"info":    s.Info,
		"servers": []any{object{"url": "/"}},
		"tags":    s.Tags,
		"paths":   paths,
		// Without `auth` in the config no call needs a token.
		"security": []any{object{}, object{"bearer": []any{}}},
		"components": object{
			"schemas": schemas,
			"securitySchemes": object{"bearer": object{
				"type": "http", "scheme": "bearer", "description": "The token of `auth.tokenFile`, where the config has one.",
			}},
		},
	}
}

// plainPaths are the paths of admin HTTP that are no methods of the service.
func plainPaths() map[string]object {
	text := func(id, summary string, codes ...string) object {
		responses := object{}
		for _, code := range codes {
			responses[code] = object{
				"description": summary,
				"content":     object{"text/plain": object{"schema": object{"type": "string"}}},
			}
		}
		return object{"operationId": id, "summary": summary, "tags": []string{"Health"}, "responses": responses}
	}
	open := func(o object) object {
		o["security"] = []any{}
		return o
	}
	return map[string]object{
		"/healthz": open(text("getHealth", "200 while dynlb runs.", "200")),
		"/readyz":  open(text("getReadiness", "200 when requests can be served, and 503 with the reason.", "200", "503")),
		"/metrics": text("getMetrics", "The metrics for Prometheus.", "200"),
	}
}

// convert returns the operation in OpenAPI 3.1.
func (op *operation) convert(path string) object {
	out := object{"operationId": op.id(path), "summary": firstSentence(op.Summary), "description": op.text(), "tags": op.Tags}
	var parameters []any
	for _, p := range op.Parameters {
		if p.In == "body" {
			out["requestBody"] = object{
				"description": p.Description, "required": true,
				"content": object{"application/json": object{"schema": schemaOf(p.Schema)}},
			}
			continue
		}
		schema := schemaOf(object{"type": p.Type})
		if p.Format != "" {
			schema = schemaOf(object{"type": p.Type, "format": p.Format})
		}
		if p.Items != nil {
			schema["items"] = schemaOf(p.Items)
		}
		if p.Name == "minInterval" { // a google.protobuf.Duration
			schema["pattern"] = durationPattern
		}
		parameters = append(parameters, object{"name": p.Name, "in": p.In, "description": p.Description, "required": p.Required, "schema": schema})
	}
	if parameters != nil {
		out["parameters"] = parameters
	}
	responses := object{}
	for code, r := range op.Responses {
		responses[code] = r.convert(code)
	}
	out["responses"] = responses
	return out
}

// id returns the operation id: scaleTo of Control_ScaleTo. Two paths have one method.
func (op *operation) id(path string) string {
	if path == "/lb-status" {
		return "getLbStatus"
	}
	_, name, _ := strings.Cut(op.OperationID, "_")
	name = strings.TrimRight(name, "0123456789")
	return strings.ToLower(name[:1]) + name[1:]
}

// text returns the description of the operation.
func (op *operation) text() string {
	if op.Description == "" {
		return op.Summary
	}
	return op.Summary + "\n\n" + op.Description
}

// firstSentence returns the first sentence of a text, on one line.
func firstSentence(text string) string {
	text = strings.ReplaceAll(text, "\n", " ")
	if end := strings.Index(text, ". "); end >= 0 {
		text = text[:end+1]
	}
	return text
}

// convert returns a response in OpenAPI 3.1.
func (r *response) convert(code string) object {
	media, schema := "application/json", schemaOf(r.Schema)
	description := r.Description
	if _, stream := strings.CutSuffix(description, "(streaming responses)"); stream {
		media, schema = "application/x-ndjson", lineOf(r.Schema)
		description = "A stream: each line is a document of JSON by this schema. A line with `error` is the last one."
	}
	if code == "default" {
		description = "An error."
	}
	return object{"description": description, "content": object{media: object{"schema": schema}}}
}
