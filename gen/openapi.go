// Package gen holds what is generated from proto. The folders below it are
// written by `make generate` and by nothing else; this file, which stays, hands
// out the one generated thing that is not Go.
package gen

import _ "embed" // for OpenAPI

// OpenAPI is the OpenAPI 3.1 document, in JSON, of the Control service.
//
//go:embed dynlb/v1/control.openapi.json
var OpenAPI string
