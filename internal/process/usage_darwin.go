package process

import (
	"errors"
	"fmt"
)

func (p *Process) measure() (Usage, error) {
	return Usage{}, fmt.Errorf("measure process: %w", errors.ErrUnsupported)
}
