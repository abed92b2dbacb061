package examples_test

import (
	"os"
	"os/exec"
	"testing"
)

// TestPythonComesBack kills dynlb under a watch of grpcio, with code that protoc generates,
// which comes back to the next one.
func TestPythonComesBack(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const python = "/usr/bin/python3" // which has the packages of the system
	if err := exec.Command(python, "-c", "import grpc, google.protobuf").Run(); err != nil {
		t.Skip("grpcio is not installed: run make test, or install python3-grpcio")
	}
	plugin, err := exec.LookPath("grpc_python_plugin")
	if err != nil {
		t.Skip("grpc_python_plugin is not installed: run make test, or install protobuf-compiler-grpc")
	}
	dir := t.TempDir()
	generate := exec.Command("protoc", "-I", "../proto", "--python_out="+dir, "--grpc_python_out="+dir, "--plugin=protoc-gen-grpc_python="+plugin, "dynlb/v1/control.proto")
	if out, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("protoc: %v\n%s", err, out)
	}
	b := startBalancer(t)
	watch := exec.Command(python, "python/watch.py", b.grpc)
	watch.Env = append(os.Environ(), "PYTHONPATH="+dir, "PYTHONDONTWRITEBYTECODE=1")
	b.comesBack(t, watch, "UNAVAILABLE")
}
