package http1_test

import (
	"fmt"

	"github.com/dynlb/dynlb/proxy/http1"
)

// A connection is read one request at a time: the head, once all of it has
// arrived, and then the content, in pieces of any size.
func Example() {
	stream := wireText("POST /a HTTP/1.1\nHost: example.com\nConnection: x\nX: 1\nTransfer-Encoding: chunked\n\n" +
		"5\nhello\n1;ignored\n!\n0\n\n" +
		"GET /b HTTP/1.1\nHost: example.com\n\n" +
		"GET /c HTTP/1.1\n\n")
	request := http1.NewRequest(http1.Limits{})
	for {
		request.Reset()
		n, err := request.Parse(stream)
		if err != nil || n == 0 { // refused, or more is needed
			fmt.Println(n, err)
			return
		}
		stream = stream[n:]
		fmt.Printf("%s %s for %s\n", request.Method, request.Path, request.Host)
		for _, f := range request.Fields {
			fmt.Printf("  %s: %s, drop %t\n", f.Name, f.Value, f.Drop)
		}
		for body := request.Body(); !body.Done(); {
			n, payload, err := body.Next(stream)
			if err != nil {
				fmt.Println(err)
				return
			}
			stream = stream[n:]
			fmt.Printf("  %q\n", payload)
		}
	}
	// Output:
	// POST /a for example.com
	//   Host: example.com, drop false
	//   Connection: x, drop true
	//   X: 1, drop true
	//   Transfer-Encoding: chunked, drop true
	//   "hello"
	//   "!"
	//   ""
	// GET /b for example.com
	//   Host: example.com, drop false
	// 0 Host is missing
}
