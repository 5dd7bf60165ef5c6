// Package hints_test reads the source and sees that every error made for a
// person says what to do about it.
package hints_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// What nobody gets to see: the worker that gets it leaves the run to another
// one, or tries again. By words of the message.
var internal = []string{
	"Another worker has taken run",
	"waits until the run before it has ended",
	"A run cannot end as",
	"was taken by another worker or has ended",
}

func TestHints(t *testing.T) {
	t.Parallel()
	files := token.NewFileSet()
	seen := 0
	for _, dir := range []string{"cmd/crosswalk", "internal/api", "internal/server", "internal/store"} {
		root := filepath.Join("..", "..", filepath.FromSlash(dir))
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				return err
			}
			made, hinted := errorsIn(f)
			seen += len(made)
			for _, call := range made {
				if !hinted[call] && !isInternal(call) {
					t.Errorf("%s: an error without a hint what to do about it", files.Position(call.Pos()))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 50 {
		t.Errorf("only %d errors found: does the test still know them?", seen)
	}
}

// errorsIn returns the calls of crosswalk.Errorf in a file, and which of them
// get a hint in the same expression.
func errorsIn(f *ast.File) (made []*ast.CallExpr, hinted map[*ast.CallExpr]bool) {
	hinted = map[*ast.CallExpr]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if isErrorf(call) {
			made = append(made, call)
			return true
		}
		// A chain such as crosswalk.Errorf(…).WithHint(…).WithCause(…).
		for hint, at := false, call; ; {
			method, ok := at.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			hint = hint || method.Sel.Name == "WithHint"
			if at, ok = method.X.(*ast.CallExpr); !ok {
				return true
			}
			if isErrorf(at) {
				hinted[at] = hinted[at] || hint
				return true
			}
		}
	})
	return made, hinted
}

func isErrorf(call *ast.CallExpr) bool {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || f.Sel.Name != "Errorf" {
		return false
	}
	from, ok := f.X.(*ast.Ident)
	return ok && from.Name == "crosswalk"
}

func isInternal(call *ast.CallExpr) bool {
	if len(call.Args) < 2 {
		return false
	}
	message, ok := call.Args[1].(*ast.BasicLit)
	if !ok {
		return false
	}
	for _, words := range internal {
		if strings.Contains(message.Value, words) {
			return true
		}
	}
	return false
}
