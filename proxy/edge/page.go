package edge

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// Pages are the answers of dynlb itself for people, in HTML.
type Pages struct {
	// ByCode are the pages by status. Default is that for others; nil: there is none.
	ByCode  map[int][]byte
	Default []byte
}

// of returns the page for a status, or nil.
func (p *Pages) of(code int) []byte {
	if page, ok := p.ByCode[code]; ok {
		return page
	}
	return p.Default
}

// Maintenance has all requests answered with a 503.
type Maintenance struct {
	// Page is what browsers get, in HTML. Nil: the page for 503, or one without design.
	Page []byte
}

// maintenanceRetry is when clients should come back while an app is down for maintenance.
const maintenanceRetry = time.Minute

// plainPage is what browsers get without a page.
const plainPage = `<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Down for maintenance</title>
<h1>Down for maintenance</h1>
<p>Please come back in a few minutes.</p>
`

// down returns the error for a request to an app that is down for maintenance.
func (x *Exchange) down(m *Maintenance) error {
	f := policy.Fault{
		Code: http.StatusServiceUnavailable, Message: "down for maintenance", Key: "maintenance", RetryAfter: maintenanceRetry,
	}
	if x.wants == html {
		page := m.Page
		if page == nil && x.rules.settings.Pages != nil {
			page = x.rules.settings.Pages.of(f.Code)
		}
		if page == nil {
			page = []byte(plainPage)
		}
		f.Extras = &policy.Extras{Content: page, Type: htmlType}
	}
	return reject(f)
}

// The forms of an answer that a client may want.
type form uint8

const (
	anyForm form = iota
	html
	problem
)

const htmlType = "text/html; charset=utf-8"

// formOf returns the form that a client names in Accept with the highest weight (RFC 9110,
// 12.5.1). A wildcard names none.
func formOf(h *http1.Head) form {
	var page, data float64
	for i := range h.Fields {
		f := &h.Fields[i]
		if !is(f.Name, "accept") {
			continue
		}
		for element := range bytes.SplitSeq(f.Value, []byte(",")) {
			name, parameters, _ := bytes.Cut(element, []byte(";"))
			switch strings.ToLower(string(bytes.TrimSpace(name))) {
			case "text/html":
				page = max(page, weight(parameters))
			case "application/json", "application/problem+json":
				data = max(data, weight(parameters))
			}
		}
	}
	switch {
	case page > 0 && page >= data:
		return html
	case data > 0:
		return problem
	default:
		return anyForm
	}
}

// weight returns the weight in the parameters of an element (RFC 9110, 12.4.2): 1 if there
// is none, and 0 if it is malformed.
func weight(parameters []byte) float64 {
	for parameter := range bytes.SplitSeq(parameters, []byte(";")) {
		name, value, _ := bytes.Cut(bytes.TrimSpace(parameter), []byte("="))
		if !is(bytes.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(string(bytes.TrimSpace(value)), 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}

// dressPage gives the answer to a request the form that its client wants.
func (x *Exchange) dressPage(f *policy.Fault, extras *policy.Extras) {
	pages := x.rules.settings.Pages
	if pages == nil && x.rules.settings.Maintenance == nil {
		return
	}
	extras.Fields = append(extras.Fields, [2]string{"Vary", "Accept"})
	if extras.Content != nil || pages == nil {
		return
	}
	switch x.wants {
	case html:
		if page := pages.of(f.Code); page != nil {
			extras.Content, extras.Type = page, htmlType
		}
	case problem:
		extras.Content, extras.Type = problemOf(f), "application/problem+json"
	default:
	}
}

// problemOf returns a fault in the form of RFC 9457, with the members that dynlb's answers
// have without it.
func problemOf(f *policy.Fault) []byte {
	detail := f.Message
	if f.Reason != "" {
		detail += ": " + f.Reason
	}
	b, _ := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Error  string `json:"error"`
		Reason string `json:"reason,omitempty"`
		Key    string `json:"key,omitempty"`
	}{"about:blank", http.StatusText(f.Code), f.Code, detail, f.Message, f.Reason, f.Key}) // encoding strings does not fail
	return append(b, '\n')
}
