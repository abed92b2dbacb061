package dynlb_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// step is a function in a walk of docs/architecture.md.
type step struct {
	file, receiver, name string
	event                bool // what brings it about stands beside it
}

var stepLine = regexp.MustCompile(`^([\w/]+\.go):(?:(\w+)\.)?(\w+)(?:\s+(.*))?$`)

// walks returns the walks of docs/architecture.md: the blocks that begin with a step.
func walks(t *testing.T) [][]step {
	t.Helper()
	data, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	var all [][]step
	for i, block := range strings.Split(string(data), "```") {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		if i%2 == 0 || !stepLine.MatchString(lines[0]) {
			continue
		}
		var walk []step
		for _, line := range lines {
			m := stepLine.FindStringSubmatch(line)
			if m == nil {
				t.Errorf("no step: %q", line)
				continue
			}
			walk = append(walk, step{m[1], m[2], m[3], strings.Contains(m[4], "called by")})
		}
		all = append(all, walk)
	}
	return all
}

// TestWalks checks that each step of a walk exists and is called by one above it, and
// that no step calls one that has led to it.
func TestWalks(t *testing.T) {
	t.Parallel()
	all := walks(t)
	if len(all) < 4 {
		t.Errorf("only %d walks were found", len(all))
	}
	for _, walk := range all {
		calls := make([][]string, len(walk))
		for i, s := range walk {
			if calls[i] = callsOf(t, s); calls[i] == nil {
				t.Errorf("%s has no function %s of %q", s.file, s.name, s.receiver)
				continue
			}
			called := slices.ContainsFunc(calls[:i], func(names []string) bool { return slices.Contains(names, s.name) })
			if i > 0 && !called && !s.event {
				t.Errorf("%s:%s is called by no step above it", s.file, s.name)
			}
		}
		for i, s := range walk {
			for j, above := range walk[:i] {
				if callsStep(calls[i], s, above) && leadsTo(walk, calls, j, i) {
					t.Errorf("%s:%s calls %s, which has led to it", s.file, s.name, above.name)
				}
			}
		}
	}
}

// TestWalksReach checks that the walks lead a reader to what is asked for most: which
// instance gets a request, and how a process is stopped.
func TestWalksReach(t *testing.T) {
	t.Parallel()
	all := slices.Concat(walks(t)...)
	for _, want := range []step{
		{file: "internal/registry/pick.go", receiver: "Registry", name: "pickLocked"},
		{file: "internal/process/stop.go", receiver: "Process", name: "Stop"},
	} {
		if !slices.ContainsFunc(all, func(s step) bool { s.event = false; return s == want }) {
			t.Errorf("no walk reaches %s:%s.%s", want.file, want.receiver, want.name)
		}
	}
}

// callsStep reports whether a step, which has the given calls, calls another one of
// its own type, or a function.
func callsStep(calls []string, from, to step) bool {
	if to.receiver == "" {
		return slices.Contains(calls, to.name)
	}
	return filepath.Dir(from.file) == filepath.Dir(to.file) && slices.Contains(calls, to.receiver+"."+to.name)
}

// leadsTo reports whether step i of a walk calls step j, itself or through steps
// between them.
func leadsTo(walk []step, calls [][]string, i, j int) bool {
	for k := i + 1; k <= j; k++ {
		if callsStep(calls[i], walk[i], walk[k]) && (k == j || leadsTo(walk, calls, k, j)) {
			return true
		}
	}
	return false
}

// callsOf returns the names in a step's body, those of methods of its receiver as
// "Type.Name" too; nil if there is no such function.
func callsOf(t *testing.T, s step) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), s.file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || function.Name.Name != s.name || receiverOf(function) != s.receiver {
			continue
		}
		own := "" // the name of the receiver
		if function.Recv != nil && len(function.Recv.List[0].Names) > 0 {
			own = function.Recv.List[0].Names[0].Name
		}
		names := []string{""}
		ast.Inspect(function.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				names = append(names, n.Sel.Name)
				if x, ok := n.X.(*ast.Ident); ok && x.Name == own {
					names = append(names, s.receiver+"."+n.Sel.Name)
				}
			case *ast.Ident:
				names = append(names, n.Name)
			}
			return true
		})
		return names
	}
	return nil
}

// receiverOf returns the name of a method's type, "" for a function.
func receiverOf(function *ast.FuncDecl) string {
	if function.Recv == nil {
		return ""
	}
	kind := function.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	if name, ok := kind.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}
