package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// reflected is a client that knows the services of a server by reflection alone.
type reflected struct{ conn *grpc.ClientConn }

func newReflected(t *testing.T, address string) reflected {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return reflected{conn}
}

// run carries out the arguments of grpcurl: -plaintext [-d JSON] ADDRESS WHAT. It returns
// what grpcurl prints; of a stream that is the first message.
func (r reflected) run(t *testing.T, args []string) string {
	t.Helper()
	input := "{}"
	if at := slices.Index(args, "-d"); at >= 0 {
		input = args[at+1]
	}
	what := args[len(args)-1]
	if what == "list" {
		return strings.Join(r.list(t), "\n")
	}
	service, method, _ := strings.Cut(what, "/")
	return r.call(t, service, method, input)
}

// ask makes a request of reflection.
func (r reflected) ask(t *testing.T, request *reflectionpb.ServerReflectionRequest) *reflectionpb.ServerReflectionResponse {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := reflectionpb.NewServerReflectionClient(r.conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(request); err != nil {
		t.Fatal(err)
	}
	response, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// list returns the names of the services.
func (r reflected) list(t *testing.T) []string {
	t.Helper()
	var names []string
	response := r.ask(t, &reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}})
	for _, service := range response.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	slices.Sort(names)
	return names
}

// method returns the description of a method.
func (r reflected) method(t *testing.T, service, method string) protoreflect.MethodDescriptor {
	t.Helper()
	response := r.ask(t, &reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: service},
	})
	set := new(descriptorpb.FileDescriptorSet)
	for _, b := range response.GetFileDescriptorResponse().GetFileDescriptorProto() {
		file := new(descriptorpb.FileDescriptorProto)
		if err := proto.Unmarshal(b, file); err != nil {
			t.Fatal(err)
		}
		set.File = append(set.File, file)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		t.Fatal(err)
	}
	found, err := files.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		t.Fatal(err)
	}
	m := found.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(method))
	if m == nil {
		t.Fatalf("%s has no method %s", service, method)
	}
	return m
}

// call calls a method with a message in JSON, and returns the first response as JSON.
func (r reflected) call(t *testing.T, service, method, input string) string {
	t.Helper()
	m := r.method(t, service, method)
	in, out := dynamicpb.NewMessage(m.Input()), dynamicpb.NewMessage(m.Output())
	if err := protojson.Unmarshal([]byte(input), in); err != nil {
		t.Fatalf("%s: %v", input, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := r.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/"+service+"/"+method)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.SendMsg(in); err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(out); err != nil {
		t.Fatalf("%s/%s: %v", service, method, err)
	}
	compact, err := protojson.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, compact, "", "  "); err != nil { // protojson varies its spaces
		t.Fatal(err)
	}
	return pretty.String()
}
