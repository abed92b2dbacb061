package edge

import "testing"

// TestForm: what a client names with the highest weight, and nothing for a wildcard.
func TestForm(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]form{
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": html, // Firefox, Chromium
		"*/*":                                   anyForm, // curl, fetch
		"":                                      anyForm,
		"text/*":                                anyForm,
		"application/json":                      problem,
		"application/problem+json":              problem,
		"application/json, text/plain, */*":     problem, // axios
		"text/html;q=0.5, application/json":     problem,
		"Text/HTML; q=1.0, application/json":    html,
		"text/html;q=0":                         anyForm,
		"text/html;q=2, application/json;q=0.1": problem,
		"text/html;q=x":                         anyForm,
		"text/html ; level=1 ; Q = 0.3":         html,
		",;,text/html,":                         html,
	} {
		if got := formOf(&withField(t, "Accept", accept).Head); got != want {
			t.Errorf("%q: %d, want %d", accept, got, want)
		}
	}
}
