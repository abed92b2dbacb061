package dynlb_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The bounds of what one file and one function may hold: a file has one concept, and
// a function fits a screen.
const (
	maxFileLines     = 300
	maxFunctionLines = 60
)

// TestSizes holds every Go file, tests included, and every function of the product
// to the bounds. Tables and scripts of a test may be longer.
func TestSizes(t *testing.T) {
	t.Parallel()
	for _, path := range texts(t) {
		if filepath.Ext(path) != ".go" {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(source, []byte("\n")); n > maxFileLines {
			t.Errorf("%s has %d lines, more than %d", path, n, maxFileLines)
		}
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			n := set.Position(function.End()).Line - set.Position(function.Pos()).Line + 1
			if n > maxFunctionLines {
				t.Errorf("%s:%d: %s has %d lines, more than %d", path, set.Position(function.Pos()).Line, function.Name, n, maxFunctionLines)
			}
		}
	}
}
