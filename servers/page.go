package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// The lines between which the page has the table.
const (
	tableBegin = "<!-- measured: written by make servers -->\n"
	tableEnd   = "<!-- end of measured -->\n"
)

// table returns the table in Markdown.
func table(servers []server, results []result) string {
	var text strings.Builder
	fmt.Fprint(&text, "| server | version | `command:` | idle time | SIGTERM with a request in flight | content after HEAD | "+
		"chunked request with a trailer | `Expect` | lost behind dynlb |\n|---|---|---|---|---|---|---|---|---|\n")
	for i, s := range servers {
		r := results[i]
		if r.err != nil {
			fmt.Fprintf(&text, "| %s | %s | %s | not measured | | | | | |\n", s.name, r.version, s.line())
			continue
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
			s.name, r.version, s.line(), r.idle, r.term, r.head, r.trailers, r.expect, r.losses)
	}
	return text.String()
}

// line returns the command as it stands in a config file.
func (s server) line() string {
	words := make([]string, len(s.command))
	for i, word := range s.command {
		words[i] = word
		if _, err := strconv.Atoi(word); err == nil || strings.ContainsAny(word, "{}:,= ") {
			words[i] = `"` + word + `"`
		}
		if word == "{self}" {
			words[i] = "./app"
		}
	}
	return "`[" + strings.Join(words, ", ") + "]`"
}

// rewrite replaces the table in a page.
func rewrite(page, table string) error {
	data, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	before, rest, found := strings.Cut(string(data), tableBegin)
	_, after, ended := strings.Cut(rest, tableEnd)
	if !found || !ended {
		return fmt.Errorf("write table: %s has no place for it", page)
	}
	return os.WriteFile(page, []byte(before+tableBegin+table+tableEnd+after), 0o600)
}
