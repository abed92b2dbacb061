package http2

import (
	"encoding/binary"
	"strings"
)

// takePriorityUpdate changes the priority of a stream (RFC 9218, 7.1). One that has not
// begun keeps the priority of its request.
func (c *Conn) takePriorityUpdate(f *frame, b []byte) *Error {
	switch {
	case f.stream != 0:
		return &Error{ProtocolError, "PRIORITY_UPDATE on a stream"}
	case len(b) < 4:
		return &Error{FrameSizeError, "PRIORITY_UPDATE is too short"}
	}
	id := binary.BigEndian.Uint32(b) & maxWindow
	if id == 0 {
		return &Error{ProtocolError, "PRIORITY_UPDATE without a stream"}
	}
	if s := c.streams[id]; s != nil {
		s.Urgency, s.Incremental = defaultUrgency, false
		s.prioritize(string(b[4:]))
	}
	return c.budget.spend(costSmall)
}

// prioritize reads the value of a Priority field: a dictionary (RFC 9218, 4). What it
// does not understand has no effect.
func (s *Stream) prioritize(value string) {
	for value != "" {
		var member string
		member, value, _ = strings.Cut(value, ",")
		switch member = strings.Trim(member, " \t"); {
		case len(member) == 3 && member[:2] == "u=" && member[2] >= '0' && member[2] <= '7':
			s.Urgency = member[2] - '0'
		case member == "i", member == "i=?1":
			s.Incremental = true
		case member == "i=?0":
			s.Incremental = false
		}
	}
}
