//go:build !linux

package procfs

import (
	"errors"
	"fmt"
)

// Stat is a process; there is none here.
type Stat struct{ PID, PPID int }

// Exited returns false.
func (Stat) Exited() bool { return false }

// Processes returns an error here: the system has no /proc.
func Processes() ([]Stat, error) {
	return nil, fmt.Errorf("list processes: %w", errors.ErrUnsupported)
}

// PIDNamespace returns an error here: the system has no /proc.
func PIDNamespace(string) (string, error) {
	return "", fmt.Errorf("read the namespace of a process: %w", errors.ErrUnsupported)
}

// Tree returns an error here: the system has no /proc.
func Tree(int) ([]int, error) {
	return nil, fmt.Errorf("list processes: %w", errors.ErrUnsupported)
}

// Measure returns an error here: the system has no /proc.
func Measure([]int) (Usage, error) {
	return Usage{}, fmt.Errorf("read usage: %w", errors.ErrUnsupported)
}

// ListensOn returns an error here: the system has no /proc.
func ListensOn(_, port int) (Listening, error) {
	return Listening{Port: port}, ErrUnsupported
}

// FindPortUsers returns an error here: the system has no /proc.
func FindPortUsers(int) ([]PortUser, error) { return nil, ErrUnsupported }

// FindUDPPortUsers returns an error here, too.
func FindUDPPortUsers(int) ([]PortUser, error) { return nil, ErrUnsupported }

// EphemeralPorts returns an error here: the system has no /proc.
func EphemeralPorts() (first, last int, err error) { return 0, 0, ErrUnsupported }

func startTime(int) string { return "" }
