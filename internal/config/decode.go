package config

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// A decoder stores the value of node, which is neither null nor an alias, in the
// field that it was made for, or reports what is wrong with it.
type decoder func(r *reader, at place, node *yaml.Node)

// whole is a whole number from low to high.
func whole(field *int, low, high int) Value {
	want := fmt.Sprintf("a whole number from %d to %d", low, high)
	return Value{Kind: Integer, Min: int64(low), Max: int64(high), decode: func(r *reader, at place, node *yaml.Node) {
		n, ok := integer(node)
		if !ok || n < int64(low) || n > int64(high) {
			r.wrong(at, node, want)
			return
		}
		*field = int(n)
	}}
}

// Auto is the number, or duration, that stands for auto.
const Auto = -1

// wholeOrAuto is whole, or auto.
func wholeOrAuto(field *int, low, high int) Value {
	number := whole(field, low, high)
	value := number
	value.Auto = true
	value.decode = func(r *reader, at place, node *yaml.Node) {
		if s, ok := text(node); ok && s == "auto" {
			*field = Auto
			return
		}
		if _, ok := integer(node); !ok {
			r.wrong(at, node, fmt.Sprintf("auto, or a whole number from %d to %d", low, high))
			return
		}
		number.decode(r, at, node)
	}
	return value
}

// number is a finite number that is not negative.
func number(field *float64) Value {
	return Value{Kind: Number, decode: func(r *reader, at place, node *yaml.Node) {
		n, ok := float(node)
		if !ok || !(n >= 0) || math.IsInf(n, 1) {
			r.wrong(at, node, "a number, 0 or more")
			return
		}
		*field = n
	}}
}

// above says that a rule of validate refuses the smallest value.
func above(v Value) Value {
	v.Above = true
	return v
}

// boolean is true or false.
func boolean(field *bool) Value {
	return Value{Kind: Boolean, decode: func(r *reader, at place, node *yaml.Node) {
		var b bool
		if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!bool" || node.Decode(&b) != nil {
			r.wrong(at, node, "true or false")
			return
		}
		*field = b
	}}
}

// target is the path of a request, with a query if there is one (RFC 9112,
// 3.2.1).
func target(field *string) Value {
	return Value{Kind: Target, decode: func(r *reader, at place, node *yaml.Node) {
		s, ok := text(node)
		if !ok || !strings.HasPrefix(s, "/") {
			r.wrong(at, node, `a path that starts with "/", such as /health`)
			return
		}
		strange := strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || c == '#' })
		if _, err := url.ParseRequestURI(s); strange || err != nil {
			r.wrong(at, node, "a path in URL form, with special characters as %XX")
			return
		}
		*field = s
	}}
}

// text returns a string that can be passed to the operating system. A number or a
// boolean is not one: as a string it needs quotes.
func text(node *yaml.Node) (string, bool) {
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!str" {
		return "", false
	}
	return node.Value, !strings.ContainsRune(node.Value, 0)
}

// word returns a string as text does. A number or a boolean is accepted too, and
// stands for itself as it is written: for an argument, or the value of a variable.
func word(node *yaml.Node) (string, bool) {
	if node.Kind != yaml.ScalarNode {
		return "", false
	}
	switch node.ShortTag() {
	case "!!str", "!!int", "!!float", "!!bool", "!!timestamp":
		return node.Value, !strings.ContainsRune(node.Value, 0)
	}
	return "", false
}

// integer returns a whole number written in decimal, without leading zeros:
// YAML 1.1 reads 010 as 8, YAML 1.2 as 10.
func integer(node *yaml.Node) (int64, bool) {
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!int" || leadingZero(node.Value) {
		return 0, false
	}
	n, err := strconv.ParseInt(node.Value, 10, 64)
	return n, err == nil
}

// float returns a number written in decimal.
func float(node *yaml.Node) (float64, bool) {
	if node.Kind != yaml.ScalarNode || leadingZero(node.Value) {
		return 0, false
	}
	if tag := node.ShortTag(); tag != "!!int" && tag != "!!float" {
		return 0, false
	}
	n, err := strconv.ParseFloat(node.Value, 64)
	return n, err == nil
}

// leadingZero reports whether a number starts like 007 or 0x7.
func leadingZero(number string) bool {
	digits := strings.TrimLeft(number, "+-")
	return len(digits) > 1 && digits[0] == '0' && digits[1] != '.'
}
