package std

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/proxy/settings"
)

// TestConnTime checks the limits to the time of a client, to the second.
func TestConnTime(t *testing.T) {
	t.Parallel()
	const (
		get  = "GET / HTTP/1.1\nHost: a\n\n"
		post = "POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\n"
	)
	for _, c := range []struct {
		name string
		send string // in pieces, 20 s apart where it says ~, 5 s where ^
		want string // statuses and the end, each with the second it comes at
	}{
		{"nothing", "", "end 10"},
		{"head", "^G", "408 15, end 15"},
		{"head, byte by byte", "G^E^T^ ^/", "408 10, end 10"},
		{"head just in time", "GET / HT^TP/1.1\nHost: a\n\n", "200 5, end 65"},
		{"preface", "PRI", "408 10, end 10"},
		{"empty line", "\n", "408 10, end 10"},
		{"idle", get, "200 0, end 60"},
		{"idle twice", get + "~~" + get, "200 0, 200 40, end 100"},
		{"second head", get + "~G", "200 0, 408 30, end 30"},
		{"second head begins late", get + "~~^^^GET / HT^TP/1.1\nHost: a\n\n", "200 0, 200 60, end 120"},
		{"second head in advance", get + "GET / HT", "200 0, 408 10, end 10"},
		{"content", post + "12", "408 30, end 30"},
		{"content, some later", post + "1~2", "408 50, end 50"},
		{"content, bit by bit", post + "1~2~3~4~5", "200 80, end 140"},
		{"chunks, bit by bit", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1~\nx~\n1;x~=y\nx\n0\nX: ~y\n\n", "200 80, end 140"},
		{"long response", strings.ReplaceAll(get, "/ ", "/slow "), "200 600, end 660"},
		{"long response, next request waits", strings.ReplaceAll(get, "/ ", "/slow ") + "~" + get, "200 600, 200 600, end 660"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if got := strings.Join(converse(t, c.send), ", "); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			})
		})
	}
}

// converse sends text to a lane, and returns what came back, and when.
func converse(t *testing.T, text string) (events []string) {
	l := newLane(t, settings.Settings{MinRate: -1}, answer(func(r *http.Request, _ string) { // TestPace is about the rate
		if r.URL.Path == "/slow" {
			time.Sleep(10 * time.Minute)
		}
	}))
	client, far := net.Pipe()
	l.accept(far, func() {})
	began := time.Now()
	sent := make(chan struct{})
	go func() { // ends when all is sent, or the connection closed
		defer close(sent)
		for text != "" {
			i := strings.IndexAny(text+"~", "~^")
			if _, err := io.WriteString(client, crlf(text[:i])); err != nil {
				return
			}
			if text = text[i:]; text != "" {
				time.Sleep(map[byte]time.Duration{'~': 20 * time.Second, '^': 5 * time.Second}[text[0]])
				text = text[1:]
			}
		}
	}()
	at := func() int { return int(time.Since(began).Seconds()) }
	for r := bufio.NewReader(client); ; {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("response: %v", err)
			}
			events = append(events, fmt.Sprintf("end %d", at()))
			break
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Errorf("content: %v", err)
		}
		events = append(events, fmt.Sprintf("%d %d", res.StatusCode, at()))
		if res.Close {
			events = append(events, fmt.Sprintf("end %d", at()))
			break
		}
	}
	_ = client.Close()
	<-sent
	return events
}
