package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// secondApp is the name of an app beside the one that the faults are for: the health service
// of gRPC, with one instance, which speaks HTTP/2.
const secondApp = "second"

// secondPace is the time between two calls to the second app, and secondTime the time that a
// call may take.
const (
	secondPace = 20 * time.Millisecond
	secondTime = 10 * time.Second
)

// serveCalls is an instance of the second app, on a port.
func serveCalls(port string) error {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return fmt.Errorf("serve calls: %w", err)
	}
	s := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(s, health.NewServer())
	return s.Serve(l)
}

// secondText is the second app in the config of dynlb. Its calls have no prefix of the app's
// choice: their paths begin with the service.
func secondText() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the soak: %w", err)
	}
	return fmt.Sprintf(`  %s: {command: [%q, calls, "{port}"], paths: [/grpc.health.v1.Health], protocol: h2c, health: grpc, minInstances: 1, maxInstances: 1}`,
		secondApp, self), nil
}

// A bystander makes one call after the other to the second app, and has a stream open beside
// them. No fault of the first app may touch either.
type bystander struct {
	conn  *grpc.ClientConn
	admin *admin

	// All below is read after run has ended.
	sent   int
	broken []string
	stream error // why the stream has ended too early
	first  int   // the process of its instance at the beginning
	last   int
}

func newBystander(d *daemon) (*bystander, error) {
	secure := insecure.NewCredentials()
	if clientTLS != nil {
		secure = credentials.NewTLS(clientTLS)
	}
	conn, err := grpc.NewClient("passthrough:///"+d.public, grpc.WithTransportCredentials(secure), grpc.WithDisableRetry())
	if err != nil {
		return nil, fmt.Errorf("connect to the second app: %w", err)
	}
	return &bystander{conn: conn, admin: newAdmin(d.admin, secondApp)}, nil
}

// run makes calls until ctx ends.
func (b *bystander) run(ctx context.Context) {
	b.first = b.process(ctx)
	calls := grpc_health_v1.NewHealthClient(b.conn)
	watched := make(chan struct{})
	go func() { // ends with ctx; waited for below
		defer close(watched)
		b.watch(ctx, calls)
	}()
	for pause(ctx, secondPace) {
		within, cancel := context.WithTimeout(ctx, secondTime)
		answer, err := calls.Check(within, &grpc_health_v1.HealthCheckRequest{})
		cancel()
		if ctx.Err() != nil {
			break
		}
		b.sent++
		if err != nil || answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
			b.broken = append(b.broken, fmt.Sprintf("%v: %v, %v", time.Now().Format("15:04:05.000"), answer, err))
		}
	}
	<-watched
	b.last = b.process(context.WithoutCancel(ctx))
	_ = b.conn.Close() // all calls have ended
}

// watch reads a stream that does not end by itself.
func (b *bystander) watch(ctx context.Context, calls grpc_health_v1.HealthClient) {
	stream, err := calls.Watch(ctx, &grpc_health_v1.HealthCheckRequest{})
	for err == nil {
		_, err = stream.Recv()
	}
	if ctx.Err() == nil {
		b.stream = err
	}
}

// process returns the process of the instance, 0 if there is not exactly one.
func (b *bystander) process(ctx context.Context) int {
	pool, err := b.admin.status(ctx)
	if err != nil || len(pool.GetInstances()) != 1 {
		return 0
	}
	return pidOf(pool.GetInstances()[0])
}

// verdicts judges what happened to the second app.
func (b *bystander) verdicts() []verdict {
	return []verdict{
		{"no call of the second app lost", len(b.broken) == 0 && b.sent > 0, fmt.Sprintf("%d of %d", len(b.broken), b.sent)},
		{"the stream of the second app stayed", b.stream == nil, fmt.Sprint(b.stream)},
		{"the instance of the second app stayed", b.first != 0 && b.first == b.last, fmt.Sprintf("process %d, then %d", b.first, b.last)},
	}
}
