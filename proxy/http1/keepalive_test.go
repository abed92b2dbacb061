package http1

import "testing"

func TestTimeout(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{
		"": 0, "5": 0, "timeout": 0, "timeout=": 0, "timeout=5": 5, "max=100, Timeout = 15 ,x": 15,
		`timeout="7"`: 7, "timeout=5s": 0, "timeout=-1": 0, "timeout=99999999999999999999": maxTimeout, "max=3": 0,
	} {
		r := NewResponse(Limits{})
		r.Reset(false, false)
		if _, err := r.Parse([]byte("HTTP/1.1 200 OK\r\nKeep-Alive: " + value + "\r\nContent-Length: 0\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		if r.Timeout != want {
			t.Errorf("%q: timeout %d, want %d", value, r.Timeout, want)
		}
	}
}
