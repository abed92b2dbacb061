package http2

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	oracle "golang.org/x/net/http2"

	"github.com/dynlb/dynlb/proxy/http1"
)

// accepted returns the request that net/http makes of the fields of a request without
// content, or nil if it refuses them.
func accepted(t *testing.T, block []byte) *http.Request {
	client, conn := net.Pipe()
	deadline := time.Now().Add(10 * time.Second)
	_ = client.SetDeadline(deadline)
	var got *http.Request
	served := make(chan struct{})
	go func() { // ends with the connection, which is closed below
		defer close(served)
		//nolint:staticcheck // http.Server has no such method for one connection
		new(oracle.Server).ServeConn(conn, &oracle.ServeConnOpts{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r })})
	}()
	var b bytes.Buffer
	b.WriteString(http1.Preface)
	framer := oracle.NewFramer(&b, client)
	framer.AllowIllegalWrites = true
	_ = framer.WriteSettings()
	_ = framer.WriteHeaders(oracle.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true, EndStream: true})
	go func() { _, _ = client.Write(b.Bytes()) }() // ends when it is read, or the connection closed
	for done := false; !done; {
		f, err := framer.ReadFrame()
		if err != nil {
			break
		}
		switch f.(type) {
		case *oracle.HeadersFrame, *oracle.RSTStreamFrame, *oracle.GoAwayFrame:
			done = true
		}
	}
	_ = client.Close()
	<-served
	if time.Now().After(deadline) {
		t.Fatal("net/http does not answer")
	}
	return got
}

// FuzzRequest checks that net/http accepts each request that this package and package
// http1 accept, and reads the same in it. sent holds names and values by turns, one in each
// line.
func FuzzRequest(f *testing.F) {
	first := ":method\nGET\n:scheme\nhttp\n:path\n/\n:authority\na\n"
	for _, more := range []string{
		"", "x\n1\n", "cookie\na\ncookie\nb\n", "host\na\n", "host\nb\n", "te\ntrailers\n", "content-length\n0\n", "x\n a\n",
		"X\n1\n", "x:\n1\n", "x\n\n", "connection\nclose\n", ":path\n/\n", "priority\nu=1\n", "content-length\n1\n", "x\n\x7f\n", "x\na\rb\n",
	} {
		f.Add(first + more)
	}
	f.Add(":method\nOPTIONS\n:scheme\nhttp\n:path\n*\n:authority\na\n")
	f.Add(":method\nCONNECT\n:authority\na:1\n")
	f.Add(":method\nGET\n:path\n/a?b c\n:scheme\nhttps\nhost\na\n")
	f.Add(":method\nGET\n:path\nhttp://b/\n:scheme\nhttps\nhost\na\n")
	f.Fuzz(func(t *testing.T, sent string) {
		lines := strings.Split(strings.TrimSuffix(sent, "\n"), "\n")
		if len(lines)%2 != 0 || len(sent) > 2000 || strings.Contains(sent, ":protocol") { // the oracle has it off
			return
		}
		for i, line := range lines {
			lines[i] = strings.ReplaceAll(line, "\\n", "\n")
		}
		block := encode(lines...)
		s := newServer(t)
		var head string
		s.head = &head
		_ = s.feed(t, func(f *oracle.Framer) {
			_ = f.WriteHeaders(oracle.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true, EndStream: true})
		})
		r := http1.NewRequest(http1.Limits{}.WithDefaults())
		if n, err := r.Parse([]byte(head)); err != nil || n != len(head) || n == 0 {
			return // refused
		}
		got := accepted(t, block)
		if got == nil {
			t.Fatalf("net/http refuses %q", head)
		}
		if got.Method != string(r.Method) || got.RequestURI != string(r.Target) || !strings.EqualFold(got.Host, string(r.Host)) {
			t.Errorf("net/http has %s %s of %s, and the head is %q", got.Method, got.RequestURI, got.Host, head)
		}
		for i := range r.Fields {
			name, value := http.CanonicalHeaderKey(string(r.Fields[i].Name)), string(r.Fields[i].Value)
			if name != "Host" && !slices.Contains(got.Header[name], value) {
				t.Errorf("net/http has %q for %s, not %q", got.Header[name], name, value)
			}
		}
		_, _ = io.Copy(io.Discard, got.Body)
	})
}
