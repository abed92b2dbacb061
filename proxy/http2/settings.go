package http2

import "encoding/binary"

// The settings (RFC 9113, 6.5.2; RFC 8441, 3; RFC 9218, 2.1).
const (
	settingHeaderTable  = 0x1
	settingPush         = 0x2
	settingStreams      = 0x3
	settingWindow       = 0x4
	settingFrame        = 0x5
	settingHeaderList   = 0x6
	settingConnect      = 0x8
	settingNoPriorities = 0x9
)

// headerTable is the size of the table of a decoder before any settings (RFC 9113,
// 6.5.2). It stays that: a larger one costs more memory for each connection.
const headerTable = 4096

// peer is what the other side has set.
type peer struct {
	window     int64 // of a new stream
	resetTable bool  // the next header block must begin with the size of the table
}

// set applies a setting that either side may send; others have no effect. It returns by how
// much the window of each stream has changed.
func (p *peer) set(name uint16, value uint32) (change int64, err *Error) {
	switch name {
	case settingHeaderTable:
		// No table is used, but a decoder whose table becomes smaller must be told so
		// (RFC 7541, 4.2).
		p.resetTable = p.resetTable || value < headerTable
	case settingWindow:
		if value > maxWindow {
			return 0, &Error{FlowControlError, "malformed INITIAL_WINDOW_SIZE"}
		}
		change = int64(value) - p.window
		p.window = int64(value)
	case settingFrame:
		if value < maxFrame || value >= 1<<24 {
			return 0, &Error{ProtocolError, "malformed MAX_FRAME_SIZE"}
		}
	}
	return change, nil
}

// announce sends the settings and the window of the connection.
func (c *Conn) announce() {
	settings := [][2]uint32{
		{settingStreams, uint32(c.config.Streams)},
		{settingWindow, uint32(c.config.StreamWindow)},
		{settingHeaderList, uint32(c.config.Block)},
		{settingConnect, 1},
		{settingNoPriorities, 1},
	}
	c.room(2*frameHead + 6*len(settings) + 4)
	c.out = appendSettings(c.out, settings)
	if more := int64(c.config.ConnWindow) - c.receive; more > 0 {
		c.out = appendWindow(c.out, 0, more)
		c.receive += more
	}
}

// takeSettings applies the client's settings.
func (c *Conn) takeSettings(f *frame, b []byte) *Error {
	if f.has(flagAck) {
		return c.budget.spend(costControl)
	}
	if err := c.budget.spend(costSettings + len(b)/6); err != nil {
		return err
	}
	for ; len(b) > 0; b = b[6:] {
		if err := c.set(binary.BigEndian.Uint16(b), binary.BigEndian.Uint32(b[2:])); err != nil {
			return err
		}
	}
	if c.expects == expectSettings {
		c.expects = expectFrame
	}
	c.room(frameHead)
	c.out = appendFrame(c.out, 0, frameSettings, flagAck, 0)
	return nil
}

// set applies one setting.
func (c *Conn) set(name uint16, value uint32) *Error {
	if name == settingPush && value > 1 {
		return &Error{ProtocolError, "malformed ENABLE_PUSH"}
	}
	change, err := c.peer.set(name, value)
	if err != nil || change == 0 {
		return err
	}
	for _, s := range c.streams {
		if err := shift(&s.send, change); err != nil {
			return err
		}
	}
	if change > 0 {
		c.handler.Writable(nil)
	}
	return nil
}
