//go:build !linux

package main

import (
	"errors"
	"syscall"
	"time"
)

var errLinuxOnly = errors.New("the benchmark runs on Linux only")

func processCPU(int) (time.Duration, error) { return 0, errLinuxOnly }

func ownGroup() *syscall.SysProcAttr { return nil }

func signalGroup(int, syscall.Signal) {}
