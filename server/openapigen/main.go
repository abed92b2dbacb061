// Openapigen writes the OpenAPI 3.1 document of admin HTTP. Its arguments are the
// Swagger 2.0 document that protoc-gen-openapiv2 makes of the proto, and the file to
// write. protoc-gen-openapiv3 takes no configuration of the service, so nothing comes out
// of a proto without annotations.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "openapigen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("read arguments: want two files, got %q", args)
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var from swagger
	if err := json.Unmarshal(data, &from); err != nil {
		return fmt.Errorf("read %s: %w", args[0], err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(from.convert()); err != nil {
		return fmt.Errorf("write %s: %w", args[1], err)
	}
	return os.WriteFile(args[1], out.Bytes(), 0o644)
}
