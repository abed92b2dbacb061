//go:build !linux

package fast

import (
	"context"
	"errors"
	"net"

	"github.com/dynlb/dynlb/internal/registry"
)

// Engine does not exist on this platform.
type Engine struct{}

// New returns errors.ErrUnsupported.
func New(Options) (*Engine, error) { return nil, errors.ErrUnsupported }

// Serve returns errors.ErrUnsupported.
func (*Engine) Serve(net.Listener) error { return errors.ErrUnsupported }

// Reconfigured does nothing.
func (*Engine) Reconfigured() {}

// EndKeepAlive does nothing.
func (*Engine) EndKeepAlive() {}

// Full returns false.
func (*Engine) Full() bool { return false }

// Open returns 0.
func (*Engine) Open() int { return 0 }

// Admit returns false.
func (*Engine) Admit() (func(), bool) { return nil, false }

// Drop does nothing.
func (*Engine) Drop(registry.Endpoint) {}

// Leave returns false.
func (*Engine) Leave(net.Listener) bool { return false }

// Shutdown does nothing.
func (*Engine) Shutdown(context.Context) error { return nil }
