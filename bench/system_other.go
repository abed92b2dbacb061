//go:build !linux

package main

import (
	"errors"
	"net"
	"syscall"
	"time"
)

var errLinuxOnly = errors.New("the benchmark runs on Linux only")

func processCPU(int) (time.Duration, error) { return 0, errLinuxOnly }

func ownGroup() *syscall.SysProcAttr { return nil }

func signalGroup(int, syscall.Signal) {}

func raiseOpenFiles() (uint64, error) { return 0, errLinuxOnly }

func silent(net.Conn) bool { return false }
