package database

import (
	"database/sql/driver"
	"strings"
	"sync"
	"unicode/utf8"

	"modernc.org/sqlite"
)

// Contains returns the condition that the text expr holds the text searched
// for, whatever the case of the letters. placeholder stands for the argument
// Pattern(needle).
func (d Dialect) Contains(expr, placeholder, needle string) string {
	switch {
	case d == Postgres:
		return "(" + expr + `) COLLATE "default" ILIKE ` + placeholder + ` ESCAPE '\'`
	case isASCII(needle):
		return expr + " LIKE " + placeholder + ` ESCAPE '\'` // SQLite's LIKE ignores the case of ASCII letters only
	default:
		return "cw_fold(" + expr + ") LIKE " + placeholder + ` ESCAPE '\'`
	}
}

// Pattern returns the argument of Contains: needle in lower case, with the
// wildcards in it made plain characters.
func Pattern(needle string) string {
	needle = strings.ReplaceAll(needle, "\x00", "")
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(needle)) + "%"
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// registerFunctions gives SQLite the lower case of letters beyond ASCII.
var registerFunctions = sync.OnceFunc(func() {
	sqlite.MustRegisterDeterministicScalarFunction("cw_fold", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		if s, ok := args[0].(string); ok {
			return strings.ToLower(s), nil
		}
		return args[0], nil
	})
})

// Text returns s in a form both databases can store: a NUL, which PostgreSQL
// refuses, and bytes that are not UTF-8 become U+FFFD.
func Text(s string) string {
	if strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
