// Command client watches dynlb's instances; with -scale N it asks for N first.
// Its types are generated from control.proto, as in any other language.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

func main() {
	admin := flag.String("admin", "127.0.0.1:4001", "dynlb's gRPC `address`")
	scale := flag.Int("scale", -1, "ask for `N` instances first")
	flag.Parse()
	log.Fatal(watch(context.Background(), *admin, int32(*scale)))
}

// watch prints a line per message until the stream breaks; it returns why.
func watch(ctx context.Context, admin string, scale int32) error {
	conn, err := grpc.NewClient(admin, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	control := dynlbv1.NewControlClient(conn)
	if scale >= 0 {
		if _, err := control.ScaleTo(ctx, &dynlbv1.ScaleToRequest{Target: &scale}); err != nil {
			return err
		}
	}
	stream, err := control.WatchInstances(ctx, &dynlbv1.WatchInstancesRequest{})
	if err != nil {
		return err
	}
	for {
		message, err := stream.Recv()
		if err != nil {
			return err
		}
		ready := 0
		for _, instance := range message.GetPool().GetInstances() {
			if instance.GetState() == dynlbv1.InstanceState_INSTANCE_STATE_READY {
				ready++
			}
		}
		fmt.Printf("target %d, ready %d", message.GetPool().GetTarget(), ready)
		for _, event := range message.GetEvents() {
			fmt.Printf("; %s: %s", strings.TrimPrefix(event.GetType().String(), "EVENT_TYPE_"), event.GetReason())
		}
		fmt.Println()
	}
}
