package config

import (
	"net"
	"strconv"

	"gopkg.in/yaml.v3"
)

// The ports of listen in the file that the other ports follow. Below are ports that
// need a privilege; above there is no room for the ports of instances.
const (
	firstFollowed = 1024
	lastFollowed  = 60000
)

// followListen moves the defaults of admin, adminHTTP and basePort by as much as the
// file moves the port of listen, so that a second dynlb on a machine needs no more than
// another listen. A port from the environment does not move them: the commands that
// talk to dynlb may run without it.
func (r *reader) followListen() {
	_, port, _ := SplitAddress(r.config.Listen)
	if r.bad["listen"] || port < firstFollowed || port > lastFollowed {
		return
	}
	standard := Default()
	_, from, _ := SplitAddress(standard.Listen)
	move := func(key string, field *string) {
		if _, ok := r.set[key]; !ok {
			host, own, _ := SplitAddress(*field)
			*field = net.JoinHostPort(host, strconv.Itoa(own+port-from))
		}
	}
	move("admin", &r.config.Admin)
	move("adminHTTP", &r.config.AdminHTTP)
	if _, ok := r.set["basePort"]; !ok {
		r.config.BasePort += port - from
	}
}

// followedAdmin returns the address of admin of a file that does not set it. Mistakes
// in listen do not matter to a client.
func (r *reader) followedAdmin(root *yaml.Node) string {
	own := newReader(r.dir, nil)
	own.source = r.source
	keys := []Key{{Name: "listen", Value: address(&own.config.Listen)}}
	own.mapping("", only(root, keys), keys)
	own.followListen()
	return own.config.Admin
}
