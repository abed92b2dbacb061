package instancelog

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"strings"
)

// JournalSocket is where journald receives entries (systemd.journal-fields(7), "Native
// Journal Protocol").
const JournalSocket = "/run/systemd/journal/socket"

// Journal is a slog.Handler that sends entries to journald. Create one with OpenJournal.
type Journal struct {
	conn   net.Conn
	prefix []byte // the fields that all entries have
}

// OpenJournal returns a Journal of a socket. Call Close at the end.
func OpenJournal(socket string) (*Journal, error) {
	conn, err := new(net.Dialer).DialContext(context.Background(), "unixgram", socket) // it does not wait
	if err != nil {
		return nil, fmt.Errorf("logs.to is journald, and it does not run here: %w", err)
	}
	return &Journal{conn: conn, prefix: appendField(nil, "SYSLOG_IDENTIFIER", "dynlb")}, nil
}

// Close closes the socket.
func (j *Journal) Close() error { return j.conn.Close() }

// Enabled reports true for all levels: journald stores the priority.
func (j *Journal) Enabled(context.Context, slog.Level) bool { return true }

// Handle sends an entry. It fails if journald does not take it; an entry is at most as
// long as a line of an instance, which a datagram holds.
func (j *Journal) Handle(_ context.Context, r slog.Record) error {
	b := appendField(append([]byte(nil), j.prefix...), "MESSAGE", r.Message)
	b = appendField(b, "PRIORITY", priority(r.Level))
	r.Attrs(func(a slog.Attr) bool {
		b = appendAttr(b, a)
		return true
	})
	if _, err := j.conn.Write(b); err != nil {
		return fmt.Errorf("send to journald: %w", err)
	}
	return nil
}

// WithAttrs returns a Journal whose entries have further fields.
func (j *Journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	prefix := append([]byte(nil), j.prefix...)
	for _, a := range attrs {
		prefix = appendAttr(prefix, a)
	}
	return &Journal{conn: j.conn, prefix: prefix}
}

// WithGroup returns the Journal: its fields have no groups.
func (j *Journal) WithGroup(string) slog.Handler { return j }

func appendAttr(b []byte, a slog.Attr) []byte {
	name := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return c - 'a' + 'A'
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			return c
		default:
			return '_'
		}
	}, a.Key)
	return appendField(b, "DYNLB_"+name, a.Value.Resolve().String())
}

// appendField appends a field: name=value and a newline or, for a value with newlines, the
// name and a newline, the length in 64 bits in little endian, the value and a newline.
func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	if !strings.Contains(value, "\n") {
		b = append(b, '=')
	} else {
		b = append(b, '\n')
		b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
	}
	b = append(b, value...)
	return append(b, '\n')
}

// priority returns the priority of syslog (RFC 5424, 6.2.1) that a level means.
func priority(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "3"
	case level >= slog.LevelWarn:
		return "4"
	case level >= slog.LevelInfo:
		return "6"
	default:
		return "7"
	}
}
