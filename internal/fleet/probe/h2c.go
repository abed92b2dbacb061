package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/dynlb/dynlb/internal/registry"
)

// Check is the protocol in which the health of an instance is checked.
type Check uint8

// The checks.
const (
	// CheckHTTP1 is a request of HTTP/1.1.
	CheckHTTP1 Check = iota
	// CheckH2C is a request of HTTP/2 without TLS, with prior knowledge.
	CheckH2C
	// CheckEither is a CheckHTTP1, or a CheckH2C for an instance that speaks HTTP/2 only.
	CheckEither
)

// Of returns what makes the checks that have a path.
func Of(check Check) Prober {
	switch check {
	case CheckH2C:
		return H2C
	case CheckEither:
		return either
	default:
		return HTTP
	}
}

// H2C is HTTP over HTTP/2 with prior knowledge.
func H2C(ctx context.Context, at registry.Endpoint, path string) error {
	transport, end := h2cTo(ctx, at)
	defer end()
	return probeOver(ctx, transport, at, path)
}

// h2cTo is transportTo for HTTP/2.
func h2cTo(ctx context.Context, at registry.Endpoint) (transport *http.Transport, end func()) {
	transport, end = transportTo(ctx, at)
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetUnencryptedHTTP2(true)
	return transport, end
}

// either is HTTP, in HTTP/2 for an instance that speaks nothing else.
func either(ctx context.Context, at registry.Endpoint, path string) error {
	err := HTTP(ctx, at, path)
	if err != nil && !Answered(err) && H2C(ctx, at, path) == nil {
		return nil
	}
	return err
}

// checkMethod is the health check that is common for gRPC
// (https://github.com/grpc/grpc/blob/master/doc/health-checking.md).
const checkMethod = "/grpc.health.v1.Health/Check"

// GRPC is a Prober for which SERVING means healthy. It asks for the whole server. It
// needs no client of gRPC: the request is an empty message.
func GRPC(ctx context.Context, at registry.Endpoint, _ string) error {
	transport, end := h2cTo(ctx, at)
	defer end()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+at.Host()+checkMethod, strings.NewReader("\x00\x00\x00\x00\x00"))
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	request.Header.Set("User-Agent", "dynlb-health")
	response, err := transport.RoundTrip(request)
	if err != nil {
		return probeError(at.Address, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxHealthBody))
	if err != nil {
		return fmt.Errorf("grpc.health.v1: read answer: %w", err)
	}
	return judgeGRPC(response, content)
}

// judgeGRPC returns nil if the answer to a health check says SERVING.
func judgeGRPC(response *http.Response, content []byte) error {
	status := response.Trailer.Get("Grpc-Status")
	if status == "" { // the response has no messages
		status = response.Header.Get("Grpc-Status")
	}
	bad := func(text string) error {
		return &grpcError{text, StatusError{checkMethod, http.StatusInternalServerError}}
	}
	switch {
	case response.StatusCode != http.StatusOK || status == "":
		return bad(fmt.Sprintf("no answer of gRPC, but status %d of HTTP", response.StatusCode))
	case status == "12": // UNIMPLEMENTED
		return bad("the instance does not have this service; add it, or set health: http")
	case status == "5": // NOT_FOUND
		return bad("the instance has no health of the whole server")
	case status != "0":
		return bad("status " + status + " of gRPC")
	}
	switch state, err := servingState(content); {
	case err != nil:
		return bad(err.Error())
	case state == 1:
		return nil
	case state == 2:
		return &grpcError{"NOT_SERVING", StatusError{checkMethod, http.StatusServiceUnavailable}}
	default:
		return bad(fmt.Sprintf("state %d", state))
	}
}

// servingState returns the state in a message of grpc.health.v1.HealthCheckResponse, which
// has one field. Without it the state is 0, unknown.
func servingState(b []byte) (uint64, error) {
	const head, field = 5, 1 << 3 // field 1, a varint
	errMalformed := errors.New("malformed answer")
	if len(b) < head || b[0] != 0 || uint64(binary.BigEndian.Uint32(b[1:])) != uint64(len(b)-head) {
		return 0, errMalformed
	}
	if b = b[head:]; len(b) == 0 {
		return 0, nil
	}
	state, n := binary.Uvarint(b[1:])
	if b[0] != field || n <= 0 {
		return 0, errMalformed
	}
	return state, nil
}
