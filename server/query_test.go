package server

import (
	"net/http"
	"strings"
	"testing"
)

// TestQueryErrors: the error of a parameter says how it is written, and has no error of Go.
func TestQueryErrors(t *testing.T) {
	t.Parallel()
	p := start(t)
	for query, want := range map[string]string{
		"history?from=x":                        `from \"x\": write a time, such as 2026-01-02T03:04:05Z`,
		"history?step=x":                        `step \"x\": write a duration, such as 60s`,
		"history?instances=x":                   `instances \"x\": write true or false`,
		"events?since=x&newestFirst=1":          `since \"x\": write a time, such as 2026-01-02T03:04:05Z`,
		"events?types=x":                        `types \"x\": write a name such as EVENT_TYPE_SCALED`,
		"events?types=EVENT_TYPE_READY&types=y": `types \"y\": write a name such as EVENT_TYPE_SCALED`,
		"events?until=y&since=x":                `since \"x\": write a time`,
		"events?page_size=x":                    `page_size \"x\": write a whole number, such as 100`,
		"logs?tail=x":                           `tail \"x\": write a whole number, such as 100`,
		"logs?tail=1&tail=2":                    `too many values for field \"tail\": 1, 2`,
	} {
		response, body := p.do(t, http.MethodGet, "/v1/"+query, "")
		if response.StatusCode != http.StatusBadRequest || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s, want %s", query, response.StatusCode, body, want)
		}
	}
}
