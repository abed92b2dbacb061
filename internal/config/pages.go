package config

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxPage bounds the size of a page: that of one with its pictures in it.
const maxPage = 256 << 10

// PageStatuses are those of dynlb's own answers to requests for an app: what package policy
// and the rules of package edge answer once the app is known.
var PageStatuses = []int{400, 401, 403, 408, 429, 431, 502, 503, 504}

// listOf returns numbers for a message.
func listOf(numbers []int) string {
	var b strings.Builder
	for i, n := range numbers {
		switch {
		case i == 0:
		case i == len(numbers)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// ReadPage returns the page in the file at path. The error begins with the path.
func ReadPage(path string) ([]byte, error) {
	if err := checkPage(path); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", displayPath(path), cause(err))
	}
	return data, nil
}

func checkPage(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%s: %w", displayPath(path), cause(err))
	}
	if info.Size() > maxPage {
		return fmt.Errorf("%s is larger than %d KiB", displayPath(path), maxPage>>10)
	}
	return nil
}

// switchOrPage is true, false, or the path of a page.
func switchOrPage(field *string) Value {
	page := checked(field, checkPage)
	return Value{Kind: Page, decode: func(r *reader, at place, node *yaml.Node) {
		if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!bool" {
			page.decode(r, at, node)
			return
		}
		var on bool
		boolean(&on).decode(r, at, node)
		*field = ""
		if on {
			*field = On
		}
	}}
}

// pages is a mapping of statuses, and the word default, to the paths of pages.
func pages(field *map[int]string) Value {
	return Value{Kind: Pages, decode: func(r *reader, at place, node *yaml.Node) {
		if node.Kind != yaml.MappingNode {
			r.wrong(at, node, "a mapping of statuses to files, such as {503: 503.html, default: error.html}")
			return
		}
		all := map[int]string{}
		r.pairs(at.key+".", node, func(at place, name string, value *yaml.Node) {
			code, err := strconv.Atoi(name)
			if name == "default" {
				code, err = DefaultPage, nil
			} else if err == nil && !slices.Contains(PageStatuses, code) {
				err = strconv.ErrRange
			}
			if err != nil {
				r.problem(at, "must be a status that dynlb itself answers requests for an app with, which is %s, or default", listOf(PageStatuses))
				return
			}
			path := ""
			checked(&path, checkPage).decode(r, at, value)
			if path != "" {
				all[code] = path
			}
		})
		*field = nil
		if len(all) > 0 {
			*field = all
		}
	}}
}
