package config

import "strings"

// socketVariable has the path of the instance's Unix socket.
const socketVariable = "DYNLB_SOCKET"

// sockets decides whether instances listen on Unix sockets, and checks that command and
// env agree with that. An app that is given {socket} does not need the key socket.
func (s scope) sockets() {
	if !s.good(s.key("command"), s.key("env"), s.key("socket")) {
		return
	}
	c, user := s.app, s.socketUser()
	switch own := s.key("socket"); {
	case user != "" && s.isSet(own) && !c.Socket:
		s.problem(s.set[own], "must be true, or left out; %s uses {socket}", user)
	case user != "":
		c.Socket = true
	}
	if c.Socket && uses(c.Command, portPlaceholder) {
		s.problem(s.set[s.key("command")], "uses {port}, but instances listen on a Unix socket; write {socket}")
	}
}

// socketUser returns the key that uses {socket}, or "".
func (s scope) socketUser() string {
	if uses(s.app.Command, socketPlaceholder) {
		return s.key("command")
	}
	for _, value := range s.app.Env {
		if strings.Contains(value, socketPlaceholder) {
			return s.key("env")
		}
	}
	return ""
}
