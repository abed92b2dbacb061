package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/pattern"
)

// document returns the mapping that data, a YAML text, consists of. It returns nil
// for a text without content, which is valid and means the defaults, and for a
// text that is not a single mapping, which it reports.
//
// Aliases stay aliases, so that a small text cannot expand into a large tree.
func (r *reader) document(data []byte) *yaml.Node {
	if len(data) > maxSize {
		r.problem(place{}, "must not be larger than 1 MiB")
		return nil
	}
	if line, what := unreadable(data); what != "" {
		r.problem(place{line: line}, "must be UTF-8 text; got %s", what)
		return nil
	}
	first, second, err := parse(data)
	switch {
	case err != nil:
		r.syntax(data)
		return nil
	case first == nil:
		return nil
	case second != nil:
		r.problem(place{line: second.Line}, "must be one YAML document; a second one starts here")
	}
	root := first.Content[0]
	if isNull(root) {
		return nil
	}
	if root.Kind != yaml.MappingNode {
		r.problem(place{line: root.Line}, `must consist of lines "key: value"; got %s`, describe(root))
		return nil
	}
	return root
}

// parse returns the first two documents of data, nil where there are fewer.
func parse(data []byte) (first, second *yaml.Node, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for _, document := range []**yaml.Node{&first, &second} {
		var node yaml.Node
		if err := decoder.Decode(&node); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, nil, err
		}
		*document = &node
	}
	return first, second, nil
}

// unreadable finds the first character that YAML does not allow (YAML 1.2.2, 5.1,
// as the yaml package implements it). The package rejects it too, but does not
// tell the line.
func unreadable(data []byte) (line int, what string) {
	line = 1
	for i := 0; i < len(data); {
		char, size := utf8.DecodeRune(data[i:])
		switch {
		case char == utf8.RuneError && size == 1:
			return line, fmt.Sprintf("the byte 0x%02X", data[i])
		case char == '\n':
			line++
		case char == '\t', char == '\r', char == 0x85:
		case char < 0x20, 0x7F <= char && char < 0xA0, char == 0xFFFE, char == 0xFFFF, char == 0xFEFF && i > 0:
			return line, fmt.Sprintf("the character %U", char)
		}
		i += size
	}
	return 0, ""
}

var (
	syntaxLine    = pattern.New(`^line (\d+): (.*)$`)
	unknownAnchor = pattern.New(`^unknown anchor '(.*)' referenced$`)
)

// syntax reports that data is not YAML. The yaml package returns
// "yaml: line 3: what is wrong", without the line if it is the first. It names the
// line on which the broken mapping starts, unless that is the first. Therefore the
// text is parsed again without the comments at its head.
func (r *reader) syntax(data []byte) {
	lines := bytes.Split(data, []byte("\n"))
	head := 0
	for head < len(lines)-1 && isComment(lines[head]) {
		head++
	}
	_, _, err := parse(bytes.Join(lines[head:], []byte("\n")))
	if err == nil {
		r.problem(place{}, "is not YAML")
		return
	}
	line, text := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := syntaxLine().FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = m[2]
		if isParserError(text) {
			line++ // the parser counts from 0
		}
	} else if m := unknownAnchor().FindStringSubmatch(text); m != nil {
		before, _, _ := bytes.Cut(data, []byte("*"+m[1]))
		line += bytes.Count(before, []byte("\n")) - head
	}
	line = min(line+head, len(lines))
	if opened, bracket := unclosed(lines); opened > 0 && isFlowError(text) {
		r.problem(place{line: opened}, "is not YAML: the %c is not closed", bracket)
		return
	}
	hint := ""
	if bytes.HasPrefix(lines[line-1], []byte("\t")) {
		hint = "; indent with spaces, not with tabs"
	}
	if text == "did not find expected alphabetic or numeric character" { // of the name of an alias or an anchor
		hint = `; a text that begins with * or & needs quotes, such as "*.example.com"`
	}
	r.problem(place{line: line}, "is not YAML: %s%s", text, hint)
}

func isComment(line []byte) bool {
	line = bytes.TrimSpace(line)
	return len(line) == 0 || line[0] == '#'
}

// isParserError reports whether a message is one of the yaml package's parser, as
// opposed to its scanner.
func isParserError(text string) bool {
	switch text {
	case "did not find expected key",
		"did not find expected node content",
		"did not find expected '-' indicator",
		"did not find expected ',' or ']'",
		"did not find expected ',' or '}'",
		"did not find expected <document start>",
		"found undefined tag handle",
		"found duplicate %YAML directive",
		"found duplicate %TAG directive",
		"found incompatible YAML document":
		return true
	}
	return false
}
