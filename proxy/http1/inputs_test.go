package http1_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

// input is one of the odd and hostile inputs in testdata/inputs.json. Expect is
// what a proxy must do with it; if there is a choice, Choice says which was made.
// Want is how this package reads it.
type input struct {
	ID, Title, Expect, Choice string
	Request, Response         wire
	Want                      json.RawMessage
}

// wire is a string of bytes. In JSON each byte is the character of that number,
// and {a x 1000} stands for a run of one character.
type wire []byte

var run = regexp.MustCompile(`\{(.) x (\d+)\}`)

func (w *wire) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	text = run.ReplaceAllStringFunc(text, func(s string) string {
		parts := run.FindStringSubmatch(s)
		n, _ := strconv.Atoi(parts[2])
		return strings.Repeat(parts[1], n)
	})
	*w = make(wire, 0, len(text))
	for _, c := range text {
		*w = append(*w, byte(c))
	}
	return nil
}

func inputs(t testing.TB) []input {
	t.Helper()
	b, err := os.ReadFile("testdata/inputs.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []input
	if err := json.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

// reading is the result of reading requests from a connection until it ends, or
// until no other may follow.
type reading struct {
	Accept []request // in order; the last may lack some content
	More   bool      // the last, or one after it, is not complete
	Refuse int       // status of the violation that ended the reading
}

// request is a request that was accepted.
type request struct {
	Line     string // method, path and host
	Framing  string
	Body     string
	Close    bool
	Upgrade  string
	Continue bool
	Drop     []string
}

var framings = map[http1.Framing]string{
	http1.Sized: "sized", http1.Chunked: "chunked", http1.UntilClose: "until close",
}

// readRequests reads what a client sent, step bytes at a time.
func readRequests(t testing.TB, stream []byte, step int) reading {
	t.Helper()
	var out reading
	r := http1.NewRequest(http1.Limits{})
	for at := 0; at < len(stream); {
		r.Reset()
		n, err := feed(stream[at:], step, r.Parse)
		if err != nil || n == 0 {
			out.More = err == nil
			out.Refuse = status(t, err)
			return out
		}
		at += n
		q := request{
			Line:    string(r.Method) + " " + string(r.Path) + " " + string(r.Host),
			Framing: framings[r.Framing], Close: !r.KeepAlive,
			Upgrade: string(r.Upgrade), Continue: r.Continue, Drop: dropped(r.Fields),
		}
		body := r.Body()
		n, q.Body, err = readBody(&body, stream[at:], step)
		at += n
		if err != nil {
			out.Refuse = status(t, err)
			return out
		}
		out.Accept = append(out.Accept, q)
		if !body.Done() {
			out.More = true
			return out
		}
		if !r.KeepAlive {
			return out
		}
	}
	return out
}

// feed parses stream, of which step more bytes arrive at a time. Each time they are
// in other memory, and the memory where they were is overwritten.
func feed(stream []byte, step int, parse func([]byte) (int, error)) (int, error) {
	for end := min(step, len(stream)); ; end = min(end+step, len(stream)) {
		if step >= len(stream) {
			return parse(stream)
		}
		b := append([]byte(nil), stream[:end]...)
		n, err := parse(b)
		if n > 0 || err != nil || end == len(stream) {
			return n, err
		}
		clear(b)
	}
}

// readBody reads content from stream, step bytes at a time.
func readBody(b *http1.Body, stream []byte, step int) (at int, payload string, err error) {
	var got []byte
	for at < len(stream) && !b.Done() {
		p := stream[at:min(at+step, len(stream))]
		for len(p) > 0 && !b.Done() {
			n, data, err := b.Next(p)
			at, p, got = at+n, p[n:], append(got, data...)
			if err != nil {
				return at, string(got), err
			}
		}
	}
	return at, string(got), nil
}

func dropped(fields []http1.Field) (names []string) {
	for _, f := range fields {
		if f.Drop {
			names = append(names, string(f.Name))
		}
	}
	return names
}

func status(t testing.TB, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	e, ok := errors.AsType[*http1.Error](err)
	if !ok || e.Reason == "" {
		t.Errorf("error %v (%T), want an *Error with a reason", err, err)
		return -1
	}
	return e.Status
}

// TestInputs: every input is read as it should be, however its bytes arrive.
func TestInputs(t *testing.T) {
	t.Parallel()
	for _, in := range inputs(t) {
		t.Run(in.ID, func(t *testing.T) {
			for _, step := range []int{1 << 20, 1, 2, 3, 7, 64} {
				if len(in.Request)+len(in.Response) > 9000 {
					step *= 50 // or it takes long
				}
				var got, want any
				if in.Response == nil {
					got, want = readRequests(t, in.Request, step), new(reading)
				} else {
					got, want = readResponses(t, in.Response, step, false), new(answer)
				}
				if err := json.Unmarshal(in.Want, want); err != nil {
					t.Fatal(err)
				}
				if want = reflect.ValueOf(want).Elem().Interface(); !reflect.DeepEqual(got, want) {
					t.Errorf("%s, %d bytes at a time\n got %+v\nwant %+v", in.Title, step, got, want)
				}
			}
		})
	}
}

// answer is the result of reading responses from an instance until the final one,
// and then until the connection ends.
type answer struct {
	Informational []int
	Status        int
	Framing       string
	Body          string
	Close         bool
	Drop          []string
	Rest          int  // bytes after the response
	Cut           bool // it ends before its end
	Empty         bool // there is none
	Refuse        int
}

// readResponses reads the responses to one request, step bytes at a time.
func readResponses(t testing.TB, stream []byte, step int, head bool) answer {
	t.Helper()
	var out answer
	if len(stream) == 0 {
		out.Empty = true
		return out
	}
	r := http1.NewResponse(http1.Limits{})
	at := 0
	for {
		r.Reset(head, false)
		n, err := feed(stream[at:], step, r.Parse)
		if err != nil || n == 0 {
			out.Cut = err == nil
			out.Refuse = status(t, err)
			return out
		}
		at += n
		if !r.Informational() {
			break
		}
		out.Informational = append(out.Informational, r.Status)
	}
	body := r.Body()
	n, payload, err := readBody(&body, stream[at:], step)
	at += n
	if err == nil && !body.Done() {
		out.Cut = body.End() != nil
	}
	if err != nil {
		out.Refuse = status(t, err)
		return out
	}
	out.Status, out.Framing, out.Body = r.Status, framings[r.Framing], payload
	out.Close, out.Drop, out.Rest = !r.KeepAlive, dropped(r.Fields), len(stream)-at
	return out
}
