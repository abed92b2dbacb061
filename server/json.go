package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// jsonFormat is the JSON of the gateway: camelCase names, zero values written, unset
// messages omitted, unknown fields refused. The same message always gives the same
// bytes, which protojson alone avoids on purpose.
type jsonFormat struct{ runtime.JSONPb }

func newJSON() *jsonFormat {
	return &jsonFormat{runtime.JSONPb{MarshalOptions: protojson.MarshalOptions{EmitDefaultValues: true}}}
}

// Marshal encodes a message, or a message of a stream, which is a map with one key.
func (f *jsonFormat) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case map[string]any:
		return marshalChunk(f, v)
	case map[string]proto.Message:
		return marshalChunk(f, v)
	}
	raw, err := f.JSONPb.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err != nil {
		return nil, fmt.Errorf("compact JSON: %w", err)
	}
	return out.Bytes(), nil
}

// MarshalJSON encodes a message as admin HTTP does.
func MarshalJSON(m proto.Message) ([]byte, error) { return newJSON().Marshal(m) }

// marshalChunk encodes the map itself, because encoding/json would escape the
// arrows in the reasons ("2 -> 4") as \u003e.
func marshalChunk[V any](f *jsonFormat, chunk map[string]V) ([]byte, error) {
	var out bytes.Buffer
	for key, value := range chunk {
		raw, err := f.Marshal(value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "{%q:%s}", key, raw)
	}
	return out.Bytes(), nil
}

// StreamContentType returns the media type of a stream: a message a line.
func (f *jsonFormat) StreamContentType(any) string { return "application/x-ndjson" }

// NewEncoder returns an encoder that writes each message on a line, as Marshal
// encodes it.
func (f *jsonFormat) NewEncoder(w io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(v any) error {
		raw, err := f.Marshal(v)
		if err != nil {
			return err
		}
		_, err = w.Write(append(raw, f.Delimiter()...))
		return err
	})
}

// NewDecoder returns a decoder whose errors are for the client that sent the
// message.
func (f *jsonFormat) NewDecoder(r io.Reader) runtime.Decoder {
	decoder := f.JSONPb.NewDecoder(r)
	return runtime.DecoderFunc(func(v any) error {
		err := decoder.Decode(v)
		if err == nil || errors.Is(err, io.EOF) {
			return err
		}
		return errors.New("read JSON: " + plain(err))
	})
}

// plain returns protojson's message without its prefix, and without the
// no-break spaces that some builds of it have: "proto:\u00a0(line 1:2): ...".
func plain(err error) string {
	return strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\u00a0", " "), "proto: ")
}

// writeError answers with an HTTP status and a message for the client, in the form
// of the gateway's errors.
func writeError(w http.ResponseWriter, httpStatus int, message string) {
	writeStatusError(w, httpStatus, status.New(codeOf(httpStatus), message))
}

// writeStatusError is writeError for an error of the service.
func writeStatusError(w http.ResponseWriter, httpStatus int, why *status.Status) {
	raw, err := newJSON().Marshal(why.Proto())
	if err != nil {
		http.Error(w, why.Message(), httpStatus)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(httpStatus)
	w.Write(raw)
}

// writeFault answers in the form of what the proxy answers: /lb-status is on the public
// listener, too.
func writeFault(w http.ResponseWriter, httpStatus int, message, reason string) {
	raw, _ := json.Marshal(struct {
		Error  string `json:"error"`
		Reason string `json:"reason,omitempty"`
	}{message, reason}) // encoding strings does not fail
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(httpStatus)
	w.Write(append(raw, '\n'))
}

// codeOf returns the gRPC code that is closest to httpStatus.
func codeOf(httpStatus int) codes.Code {
	switch httpStatus {
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusNotFound:
		return codes.NotFound
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusMethodNotAllowed:
		return codes.Unimplemented
	case http.StatusBadRequest, http.StatusUnsupportedMediaType:
		return codes.InvalidArgument
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	default:
		return codes.Internal
	}
}
