package server

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// queryParser reads the parameters of a URL as grpc-gateway does. Its errors say what
// would be right, in place of what a parser of Go met.
type queryParser struct{ runtime.DefaultQueryParser }

// useQueryParser has all gateways of the process read parameters with a queryParser:
// grpc-gateway has one parser for all.
var useQueryParser = sync.OnceFunc(func() { runtime.SetQueryParameterParser(new(queryParser))(nil) })

// Parse implements runtime.QueryParameterParser.
func (p *queryParser) Parse(m proto.Message, values url.Values, filter *utilities.DoubleArray) error {
	err := p.DefaultQueryParser.Parse(m, values, filter)
	if err == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			one := m.ProtoReflect().New()
			right := formOf(one.Descriptor(), name)
			if right != "" && p.DefaultQueryParser.Parse(one.Interface(), url.Values{name: {value}}, filter) != nil {
				return fmt.Errorf("%s %q: write %s", name, value, right)
			}
		}
	}
	return err
}

// formOf returns how the value of a parameter is written; "" if that is not known.
func formOf(m protoreflect.MessageDescriptor, name string) string {
	field := m.Fields().ByJSONName(name)
	if field == nil {
		field = m.Fields().ByTextName(name)
	}
	if field == nil {
		return ""
	}
	switch field.Kind() {
	case protoreflect.Int32Kind, protoreflect.Uint32Kind, protoreflect.Int64Kind, protoreflect.Uint64Kind:
		return "a whole number, such as 100"
	case protoreflect.BoolKind:
		return "true or false"
	case protoreflect.EnumKind:
		return "a name such as " + string(field.Enum().Values().Get(1).Name())
	case protoreflect.MessageKind:
		switch field.Message().FullName() {
		case "google.protobuf.Timestamp":
			return "a time, such as 2026-01-02T03:04:05Z"
		case "google.protobuf.Duration":
			return "a duration, such as 60s"
		}
		return ""
	default:
		return ""
	}
}
