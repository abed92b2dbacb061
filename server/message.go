package server

import (
	"fmt"
	"sync"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// message is a message of a stream that goes to several clients. It is encoded once for
// all of them, when the first one needs it. It is safe for concurrent use.
type message struct {
	wire func() ([]byte, error) // protobuf
	line func() ([]byte, error) // JSON, as the gateway writes it
}

// newMessage returns a message. m must not be changed afterwards.
func newMessage(m proto.Message) *message {
	return &message{
		wire: sync.OnceValues(func() ([]byte, error) { return proto.Marshal(m) }),
		line: sync.OnceValues(func() ([]byte, error) { return lineOfStream("result", m) }),
	}
}

// lineOfStream returns a message of a stream as a line of JSON.
func lineOfStream(key string, m proto.Message) ([]byte, error) {
	format := newJSON()
	raw, err := format.Marshal(map[string]proto.Message{key: m})
	if err != nil {
		return nil, err
	}
	return append(raw, format.Delimiter()...), nil
}

// codec is the codec for protobuf of gRPC, which also takes a message.
type codec struct{ encoding.CodecV2 }

// newCodec returns a codec.
func newCodec() codec { return codec{encoding.GetCodecV2("proto")} }

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	m, encoded := v.(*message)
	if !encoded {
		return c.CodecV2.Marshal(v)
	}
	raw, err := m.wire()
	if err != nil {
		return nil, fmt.Errorf("encode message: %w", err)
	}
	return mem.BufferSlice{mem.SliceBuffer(raw)}, nil // which gRPC does not free
}
