package edge

import (
	"maps"
	"slices"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// SecurityHeaders are the fields that Settings.SecurityHeaders adds: what browsers should do
// less than they do by default, and hardly any app needs.
var SecurityHeaders = map[string]string{
	"Referrer-Policy":        "strict-origin-when-cross-origin",
	"X-Content-Type-Options": "nosniff",
	"X-Frame-Options":        "SAMEORIGIN",
}

// responseFields are the fields that the rules change in each response.
type responseFields struct {
	remove   []name
	set      []field // in place of the instance's
	defaults []field // unless the instance sends its own
}

// field is one with a value.
type field struct {
	name
	value []byte
}

func newResponseFields(s *Settings) responseFields {
	var f responseFields
	for _, text := range s.Remove {
		f.remove = append(f.remove, newName(text))
	}
	f.set = newFields(s.Set)
	if s.SecurityHeaders {
		f.defaults = newFields(SecurityHeaders)
	}
	return f
}

// newFields returns fields in the order of their names.
func newFields(values map[string]string) []field {
	var all []field
	for _, text := range slices.Sorted(maps.Keys(values)) {
		all = append(all, field{newName(text), []byte(values[text])})
	}
	return all
}

// edit changes the head of a response.
func (f *responseFields) edit(h *http1.Head) {
	for i := range f.remove {
		drop(h, &f.remove[i])
	}
	for i := range f.set {
		drop(h, &f.set[i].name)
		add(h, &f.set[i].name, f.set[i].value)
	}
	for i := range f.defaults {
		if !has(h, &f.defaults[i].name) {
			add(h, &f.defaults[i].name, f.defaults[i].value)
		}
	}
}

// ofFaults are the fields that an answer of dynlb itself needs as it has them.
var ofFaults = []string{"allow", "content-encoding", "content-type", "retry-after", "www-authenticate"}

// dress adds the fields to an answer of dynlb itself.
func (f *responseFields) dress(extras *policy.Extras) {
	isSet := func(n *name) bool {
		return slices.ContainsFunc(f.set, func(s field) bool { return s.lower == n.lower })
	}
	for i := range f.set {
		if s := &f.set[i]; !slices.Contains(ofFaults, s.lower) {
			extras.Fields = append(extras.Fields, [2]string{string(s.sent), string(s.value)})
		}
	}
	for i := range f.defaults {
		if d := &f.defaults[i]; !isSet(&d.name) {
			extras.Fields = append(extras.Fields, [2]string{string(d.sent), string(d.value)})
		}
	}
}
