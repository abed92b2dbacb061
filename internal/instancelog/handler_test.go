package instancelog

import (
	"bytes"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// TestStructuredLines: the level and the message of a line in JSON are those of the entry,
// and the file has the line as it was printed.
func TestStructuredLines(t *testing.T) {
	t.Parallel()
	s := open(t, Options{})
	var out bytes.Buffer
	log := slog.New(NewHandler(s, slog.NewJSONHandler(&out, nil))).With("app", "web").With("instance", "aa")
	for _, c := range []struct{ line, want string }{
		{"plain", `"level":"INFO","msg":"plain","app":"web","instance":"aa","stream":"stderr"}`},
		{`{"level":"error","msg":"boom","id":7}`, `"level":"ERROR","msg":"boom","app":"web","instance":"aa","stream":"stderr","fields":{"id":7}}`},
		{`{"level":20,"time":1,"msg":"pino"}`, `"level":"DEBUG","msg":"pino","app":"web","instance":"aa","stream":"stderr","fields":{"time":1}}`},
		{`{"severity":"WARNING","message":"gcp"}`, `"level":"WARN","msg":"gcp","app":"web","instance":"aa","stream":"stderr"}`},
		{`{"a":1}`, `"level":"INFO","msg":"{\"a\":1}"`},
		{`{not json}`, `"level":"INFO","msg":"{not json}"`},
	} {
		out.Reset()
		log.Info(c.line, "stream", "stderr")
		if !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %s", c.line, out.String())
		}
		last := s.Read(Query{Tail: 1})[0]
		if last.Text != c.line || last.App != "web" || last.Instance != "aa" || last.Stream != "stderr" {
			t.Errorf("%s is kept as %+v", c.line, last)
		}
	}
	NewHandler(s, nil).WithGroup("x").WithAttrs(nil)
}

// TestLevelOfLines: a log of warnings has the lines that are warnings by their own level.
func TestLevelOfLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(NewHandler(open(t, Options{}), slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn})))
	for _, line := range []string{"plain", `{"level":"info","msg":"quiet"}`, `{"level":"warn","msg":"odd"}`, `{"level":"error","msg":"boom"}`} {
		log.Info(line)
	}
	if got := out.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "level=WARN msg=odd") || !strings.Contains(got, "level=ERROR msg=boom") {
		t.Errorf("the log has %s", got)
	}
}

// TestJournal: entries reach journald with their fields, in its native protocol.
func TestJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "socket")
	journald, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = journald.Close() }()
	j, err := OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	log := slog.New(NewHandler(open(t, Options{}), j)).With("app", "web").With("instance", "aa")
	buffer := make([]byte, 64<<10)
	for _, c := range []struct{ line, want string }{
		{`{"level":"error","msg":"boom"}`, "SYSLOG_IDENTIFIER=dynlb\nDYNLB_APP=web\nDYNLB_INSTANCE=aa\nMESSAGE=boom\nPRIORITY=3\nDYNLB_STREAM=stdout\n"},
		{"a\nb", "MESSAGE\n\x03\x00\x00\x00\x00\x00\x00\x00a\nb\nPRIORITY=6\n"},
	} {
		log.Info(c.line, "stream", "stdout")
		n, err := journald.Read(buffer)
		if err != nil || !strings.Contains(string(buffer[:n]), c.want) {
			t.Errorf("%q: %q, %v", c.line, buffer[:n], err)
		}
	}
	if _, err := OpenJournal(path + "x"); err == nil || !strings.Contains(err.Error(), "logs.to") {
		t.Errorf("without journald: %v", err)
	}
}
