package config

import (
	"math"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/pattern"
)

// sizeForm is a whole number and a unit: of 1024 as IEC defines them, or of 1000
// as SI does. Mi as Kubernetes writes it and M as systemd does are refused: each
// means something else to readers of the other.
var sizeForm = pattern.New(`^(\d{1,18})(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)$`)

var sizeUnits = map[string]int64{
	"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
}

// size is a number of bytes from low to high: a whole number, or one with a unit.
func size(field *int64, low, high int64) Value {
	decode := func(r *reader, at place, node *yaml.Node) {
		n, ok := bytes64(node)
		switch {
		case !ok && sizeMeant(node) != "":
			r.problem(at, "must have a unit that says whether it is of 1024 or of 1000; write %s in place of %s", sizeMeant(node), node.Value)
		case !ok:
			r.wrong(at, node, "a number of bytes, such as 8192, or a size, such as 8KiB")
		case n < low || n > high:
			r.wrong(at, node, "a size from "+strconv.FormatInt(low, 10)+" to "+strconv.FormatInt(high, 10)+" bytes")
		default:
			*field = n
		}
	}
	return Value{Kind: Size, Min: low, Max: high, decode: decode}
}

// shortForm is a size as docker, systemd and Kubernetes take it: with the first letter
// of the unit, or with Mi.
var shortForm = pattern.New(`^(\d{1,18}) ?([kKmMgGtT])([iI]?[bB]?)$`)

// sizeMeant returns how a size is written here that has another form, or "". A unit
// without i means 1024 for memory in the programs that take it.
func sizeMeant(node *yaml.Node) string {
	s, _ := text(node)
	m := shortForm().FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	return m[1] + strings.ToUpper(m[2]) + "iB"
}

// memory is a size of at least minMemory, or 0 for no limit. A small number
// without a unit probably lacks it, so the problem names one.
func memory(field *int64) Value {
	const maxMiB = 1 << 16 // 64 GiB, more than one instance gets
	unbounded := size(field, 0, maxMemory)
	decode := func(r *reader, at place, node *yaml.Node) {
		n, ok := bytes64(node)
		if !ok || n <= 0 || n >= minMemory {
			unbounded.decode(r, at, node)
			return
		}
		if _, bare := integer(node); bare && n <= maxMiB {
			r.problem(at, "must be at least 1MiB; %d is %d bytes, write %dMiB", n, n, n)
			return
		}
		r.wrong(at, node, "at least 1MiB, or 0 for no limit")
	}
	return Value{Kind: Size, Min: minMemory, Max: maxMemory, Zero: true, decode: decode}
}

// bytes64 returns the number of bytes that node says, at most math.MaxInt64.
func bytes64(node *yaml.Node) (int64, bool) {
	if n, ok := integer(node); ok {
		return n, true
	}
	s, ok := text(node)
	if !ok {
		return 0, false
	}
	m := sizeForm().FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	unit := sizeUnits[m[2]]
	if err != nil || n > math.MaxInt64/unit {
		return math.MaxInt64, err == nil
	}
	return n * unit, true
}
