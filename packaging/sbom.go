package main

import (
	"encoding/json"
	"time"
)

// document is a bill of materials in the form of CycloneDX 1.6.
type document struct {
	Format     string     `json:"bomFormat"`
	Spec       string     `json:"specVersion"`
	Version    int        `json:"version"`
	Metadata   metadata   `json:"metadata"`
	Components []material `json:"components"`
}

type metadata struct {
	Timestamp  string     `json:"timestamp"`
	Component  material   `json:"component"`
	Properties []property `json:"properties"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type material struct {
	Type     string    `json:"type"`
	Ref      string    `json:"bom-ref"`
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	URL      string    `json:"purl"`
	Licenses []licence `json:"licenses"`
}

type licence struct {
	Expression string `json:"expression"`
}

// sbom returns the bill of materials of the binary for a platform.
func (r *release) sbom(p platform, all components) ([]byte, error) {
	url := "pkg:golang/github.com/dynlb/dynlb@v" + r.version
	d := document{Format: "CycloneDX", Spec: "1.6", Version: 1, Metadata: metadata{
		Timestamp:  r.date.Format(time.RFC3339),
		Component:  material{Type: "application", Ref: url, Name: "dynlb", Version: r.version, URL: url, Licenses: []licence{{"MIT"}}},
		Properties: []property{{"platform", p.String()}},
	}}
	for _, c := range all {
		d.Components = append(d.Components, material{Type: "library", Ref: c.url, Name: c.name, Version: c.version, URL: c.url, Licenses: []licence{{c.license}}})
	}
	data, err := json.MarshalIndent(d, "", "  ")
	return append(data, '\n'), err
}
