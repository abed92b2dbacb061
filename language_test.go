package dynlb_test

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// phrases are patterns that comments, texts and documents do not contain, each with
// what to write instead.
var phrases = []phrase{
	{pattern: `for (the )?want of`, instead: `"because there is no" or "without"`},
	{pattern: `whoever|whosoever|whomever`, instead: `the noun: "the client that", "any process that"`},
	{ // In files about users it is the name of one.
		pattern: `nobody`, except: `["'\x60]nobody|user: nobody`, exceptIn: `(^|/)user[^/]*\.go$|^internal/config/`,
		instead: `the noun: "no client", "no process"`,
	},
	{pattern: `somebody|someone|everybody|anybody`, instead: `the noun: "another client", "every process"`},
	{pattern: `not to be had`, instead: `"unavailable" or "unsupported"`},
	{pattern: `(is|are|was|were) looked (at|for)`, instead: `the verb in the active: "dynlb checks"`},
	{
		pattern: `(instance|client|process|program|request|peer|listener|connection|server|kernel|socket|child|parent|waiter|watcher|goroutine|loop|backend|proxy|upstream|writer|origin|daemon)(es|s)?,? who`,
		instead: `"which" or "that": a program is not a person`,
	},
	{pattern: `(is|are) (told|said)`, except: `told to`, instead: `what happens: "is logged", "is reported"`},
	{pattern: `[.:;] That (it|they|there|one) `, whole: true, instead: `a noun as the subject`},
	{pattern: `the (least|most) (time|number|size|length|amount|bytes|requests|instances|connections|age)`, instead: `"shortest", "smallest", "largest", "minimum" or "maximum"`},
	{pattern: `lest|thereof|therein|hitherto|whereof|wherein|betimes|forthwith|albeit`, instead: `a word that is in use`},
	{pattern: `of late`, instead: `"recently"`},
	{pattern: `for ever`, instead: `"forever" or "without end"`},
}

// names are identifiers that do not say what they stand for.
var names = map[string]string{
	"worn": "recycleReason", "mute": "unresponsive", "owed": "pendingReplacements", "hurry": "killCtx", "rush": "killNow",
	"knock": "acceptReady", "lastCall": "drainIdle", "vacate": "wakeAcceptors", "interview": "checkInstanceAlive",
	"inquire": "checkInstanceAlive", "heard": "peerAlive", "starve": "armInstanceDeadline", "stint": "maxTurn",
	"absence": "halfCloseGrace", "unhurried": "the state", "hearing": "the state", "beneath": "the relation",
	"most": "max, limit or the noun", "least": "min or the noun",
}

// personal matches the part of an identifier that stands for a person.
var personal = regexp.MustCompile(`Nobody|Somebody|Someone|Everybody|Anybody|Whoever`)

// phrase is a pattern of words that are not used.
type phrase struct {
	pattern  string // a space matches any white space
	whole    bool   // the pattern is matched as it is, not as words in either case
	except   string // lines that match may contain the phrase
	exceptIn string // files whose paths match may contain it
	instead  string
}

func (p phrase) find() *regexp.Regexp {
	pattern := strings.ReplaceAll(p.pattern, " ", `\s+`)
	if p.whole {
		return regexp.MustCompile(pattern)
	}
	return regexp.MustCompile(`(?i)\b(` + pattern + `)\b`)
}

// patterns are the expressions of the phrases.
var patterns = sync.OnceValue(func() (all []*regexp.Regexp) {
	for _, p := range phrases {
		all = append(all, p.find())
	}
	return all
})

// allows reports whether the phrase may stand on the line.
func (p phrase) allows(path, line string) bool {
	return p.except != "" && regexp.MustCompile(p.except).MatchString(line) ||
		p.exceptIn != "" && regexp.MustCompile(p.exceptIn).MatchString(path)
}

// TestLanguage lists every phrase and name that the project does not use, with its
// place.
func TestLanguage(t *testing.T) {
	t.Parallel()
	for _, path := range texts(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range inspect(path, string(data)) {
			t.Error(finding)
		}
	}
}

// TestLanguageFinds checks that the patterns find what they are meant to.
func TestLanguageFinds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		path, text string
		line       int // 0: nothing is found
	}{
		{"a.md", "\n# A\n\nIt waits for\nwant of a reader.\n", 4},
		{"a.md", "It waits, as no reader is there.\n", 0},
		{"a.md", "Run it as `nobody`.\n", 0},
		{"a.go", "package a\n\n// It is called when\n// nobody waits.\n", 4},
		{"a.go", "package a\n\nvar x = \"an instance who waits\"\n", 3},
		{"a.go", "package a\n\nvar x = \"an operator who waits\"\n", 0},
		{"a.go", "package a\n\nfunc knock() {}\n", 3},
		{"a.go", "package a\n\n// knock on wood\n", 0},
		{"a.go", "package a\n\nfunc TestReachesNobody() {}\n", 3},
		{"user.go", "package a\n\n// It runs as nobody.\n", 0},
		{"a.yaml", "# Whoever reaches\n# it.\na: b\n", 1},
		{"Makefile", "# It is looked\n# at.\n", 1},
		{"a.proto", "  // It is told why.\n", 1},
		{"a.proto", "  // It is told to stop.\n", 0},
	} {
		found := inspect(test.path, test.text)
		if test.line == 0 && len(found) > 0 || test.line > 0 && (len(found) != 1 || !strings.HasPrefix(found[0], fmt.Sprintf("%s:%d: ", test.path, test.line))) {
			t.Errorf("%s %q: %q, want line %d", test.path, test.text, found, test.line)
		}
	}
}

// texts returns the paths of all files with texts that people wrote.
func texts(t *testing.T) []string {
	t.Helper()
	skipped := []string{".git", "node_modules", "gen", "bin", ".gen", "testdata", "results"}
	var paths []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(skipped, d.Name()):
			return fs.SkipDir
		case d.IsDir() || path == "language_test.go":
			return nil
		}
		if name := d.Name(); name == "Makefile" || slices.Contains([]string{".go", ".md", ".proto", ".yaml", ".yml", ".sh"}, filepath.Ext(name)) {
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// inspect returns what is found in a file, as "path:line: text".
func inspect(path, text string) []string {
	var found []string
	report := func(line int, what, instead string) {
		found = append(found, fmt.Sprintf("%s:%d: %q: write %s", path, line, what, instead))
	}
	prose := strip(text)
	if filepath.Ext(path) == ".go" {
		prose = goProse(text, func(line int, name string) {
			if instead, ok := names[name]; ok {
				report(line, name, instead)
			} else if personal.MatchString(name) && !strings.Contains(path, "user") {
				report(line, name, "the noun")
			}
		})
	}
	lines := strings.Split(prose, "\n")
	for i, p := range phrases {
		for _, at := range patterns()[i].FindAllStringIndex(prose, -1) {
			line := strings.Count(prose[:at[0]], "\n")
			if !p.allows(path, lines[line]) {
				report(line+1, strings.Join(strings.Fields(prose[at[0]:at[1]]), " "), p.instead)
			}
		}
	}
	return found
}

// marker is what a line of a comment or of a quotation begins with.
var marker = regexp.MustCompile(`(?m)^[ \t]*(//|#|>|\*)+`)

func strip(text string) string { return marker.ReplaceAllString(text, "") }

// goProse returns the comments and the string literals of a Go file, each on its
// line, and calls ident for every identifier.
func goProse(source string, ident func(line int, name string)) string {
	var s scanner.Scanner
	set := token.NewFileSet()
	file := set.AddFile("", -1, len(source))
	s.Init(file, []byte(source), nil, scanner.ScanComments)
	lines := make([]string, strings.Count(source, "\n")+2)
	for {
		pos, tok, literal := s.Scan()
		line := file.Line(pos)
		switch tok {
		case token.EOF:
			return strings.Join(lines, "\n")
		case token.IDENT:
			ident(line, literal)
		case token.COMMENT, token.STRING:
			for i, part := range strings.Split(strip(literal), "\n") {
				lines[line-1+i] += " " + part
			}
		default: // code
		}
	}
}
