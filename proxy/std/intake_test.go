package std

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"
)

// TestIntake checks that bytes stay the same and in order, in whatever pieces they are read
// and used.
func TestIntake(t *testing.T) {
	t.Parallel()
	data := make([]byte, 3*largeSize)
	for i := range data {
		data[i] = byte(i * 7)
	}
	for _, skip := range []int{1, 100, smallSize, largeSize} {
		var in intake
		in.hold(data[:10])
		r := io.Reader(bytes.NewReader(data[10:]))
		if skip == 100 {
			r = iotest.HalfReader(r)
		}
		rest := data
		for err := error(nil); len(rest) > 0; err = in.read(r) {
			if err != nil {
				t.Fatalf("%d left: %v", len(rest), err)
			}
			for n := min(skip, len(in.bytes())); n == skip || len(in.bytes()) == len(rest) && n > 0; n = min(skip, len(in.bytes())) {
				if !bytes.Equal(in.bytes()[:n], rest[:n]) {
					t.Fatalf("%d left: other bytes", len(rest))
				}
				in.skip(n)
				rest = rest[n:]
			}
		}
		if err := in.read(r); err != io.EOF || !in.empty() { //nolint:errorlint // it is the very value
			t.Errorf("at the end: %v, empty %v", err, in.empty())
		}
		in.release()
	}
}

// TestIntakeSize checks that an intake with little to read has a small buffer, and one with
// much to read a large one.
func TestIntakeSize(t *testing.T) {
	t.Parallel()
	var in intake
	r := bytes.NewReader(make([]byte, smallSize+2*largeSize))
	for _, size := range []int{smallSize, largeSize, largeSize} {
		if err := in.read(r); err != nil || len(in.bytes()) != size {
			t.Errorf("read %d bytes, %v; want %d", len(in.bytes()), err, size)
		}
		in.skip(size)
	}
	in.shrink()
	if in.buffer != nil {
		t.Errorf("a buffer of %d bytes while nothing is held", len(in.buffer))
	}
	in.hold(make([]byte, 5))
	in.shrink()
	if len(in.bytes()) != 5 {
		t.Error("what was held is lost")
	}
}
