package server

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// visitor is a client of a plane, over gRPC and HTTP.
type visitor struct {
	*plane
	conn          *grpc.ClientConn
	web           *http.Client
	url           string // of admin HTTP
	authorization string
}

// visit returns a client that speaks TLS if config is not nil, and sends an
// authorization if that is not empty. It is closed after the test.
func (p *plane) visit(t *testing.T, config *tls.Config, authorization string) *visitor {
	t.Helper()
	v := &visitor{plane: p, url: p.base, authorization: authorization}
	creds := insecure.NewCredentials()
	if config != nil {
		creds, v.url = credentials.NewTLS(config), "https://"+p.httpAddress()
	}
	var err error
	if v.conn, err = grpc.NewClient(p.conn.Target(), grpc.WithTransportCredentials(creds)); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: config.Clone(), ForceAttemptHTTP2: true}
	v.web = &http.Client{Transport: transport}
	t.Cleanup(func() {
		v.web.CloseIdleConnections()
		if err := v.conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// trusting returns the TLS configuration of a client that trusts ca and has certs.
func trusting(ca authority, certs ...tls.Certificate) *tls.Config {
	return &tls.Config{RootCAs: ca.pool(), MinVersion: tls.VersionTLS12, Certificates: certs}
}

// ctx returns the context of a call.
func (v *visitor) ctx(t *testing.T) context.Context {
	if v.authorization == "" {
		return t.Context()
	}
	return metadata.AppendToOutgoingContext(t.Context(), "authorization", v.authorization)
}

// get sends a GET, or a POST if there is a body.
func (v *visitor) get(t *testing.T, path, body string) (*http.Response, string, error) {
	t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel() // ends a watch
	req, err := http.NewRequestWithContext(ctx, method, v.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if v.authorization != "" {
		req.Header.Set("Authorization", v.authorization)
	}
	resp, err := v.web.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	if strings.HasSuffix(path, ":watch") && resp.StatusCode == http.StatusOK {
		return resp, "", nil
	}
	data, err := io.ReadAll(resp.Body)
	return resp, string(data), err
}

// calls returns all calls over gRPC apart from health's Check.
func (v *visitor) calls() map[string]func(context.Context) error {
	control, health := dynlbv1.NewControlClient(v.conn), healthpb.NewHealthClient(v.conn)
	return map[string]func(context.Context) error{
		"GetStatus": func(ctx context.Context) error {
			_, err := control.GetStatus(ctx, &dynlbv1.GetStatusRequest{})
			return err
		},
		"ScaleTo": func(ctx context.Context) error {
			_, err := control.ScaleTo(ctx, &dynlbv1.ScaleToRequest{Target: proto.Int32(3)})
			return err
		},
		"WatchInstances": func(ctx context.Context) error {
			stream, err := control.WatchInstances(ctx, &dynlbv1.WatchInstancesRequest{})
			return first(stream, err)
		},
		"RestartInstances": func(ctx context.Context) error {
			stream, err := control.RestartInstances(ctx, &dynlbv1.RestartInstancesRequest{})
			return first(stream, err)
		},
		"health.Watch": func(ctx context.Context) error {
			stream, err := health.Watch(ctx, &healthpb.HealthCheckRequest{})
			return first(stream, err)
		},
		"health.List": func(ctx context.Context) error {
			_, err := health.List(ctx, &healthpb.HealthListRequest{})
			return err
		},
		"reflection": func(ctx context.Context) error {
			stream, err := reflectionpb.NewServerReflectionClient(v.conn).ServerReflectionInfo(ctx)
			if err == nil {
				// Send fails when the call has already been refused; Recv says why.
				_ = stream.Send(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}})
			}
			return first(stream, err)
		},
	}
}

// first receives the first message of a stream, if it could be opened.
func first[T any](stream interface{ Recv() (T, error) }, err error) error {
	if err == nil {
		_, err = stream.Recv()
	}
	return err
}

// protectedPaths are the paths of admin HTTP apart from health, and some that do not
// exist.
var protectedPaths = []string{
	"/", "/lb-status", "/v1/status", "/v1/instances:watch", "/openapi.json", "/metrics", "/nowhere",
	"/healthz/", "/healthz/../v1/status", "/healthz%2f..%2fv1/status", "/v1/restart", "/v1/scale", "/v1/pause", "/v1/resume",
}

func (p *plane) grpcAddress() string { return strings.TrimPrefix(p.conn.Target(), "passthrough:///") }
func (p *plane) httpAddress() string { return strings.TrimPrefix(p.base, "http://") }

// try makes a call of each kind.
func (v *visitor) try(t *testing.T, want string) {
	t.Helper()
	_, err := dynlbv1.NewControlClient(v.conn).GetStatus(v.ctx(t), &dynlbv1.GetStatusRequest{})
	if want == "" && err != nil || want != "" && (status.Code(err) != codes.Unauthenticated || !strings.HasPrefix(status.Convert(err).Message(), want)) {
		t.Errorf("gRPC: %v; want %q", err, want)
	}
	resp, text, err := v.get(t, "/v1/status", "")
	if err != nil || (want == "") != (resp.StatusCode == http.StatusOK) || !strings.Contains(text, want) {
		t.Errorf("HTTP: %v %s; want %q", err, text, want)
	}
}
