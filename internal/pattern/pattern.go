// Package pattern has regular expressions that are compiled when they are first used.
//
// Those of a package's variables would be compiled at each start of a process, whatever it
// is started for: each takes 10 to 100 us, and dynlb starts as keeper, worker, guard and
// demo.
package pattern

import (
	"regexp"
	"sync"
)

// New returns a function that returns the compiled expression. It panics at the first call
// if that is invalid.
func New(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
