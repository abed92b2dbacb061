//go:build !linux

package main

import "context"

func (l load) run(context.Context) (loadResult, error) { return loadResult{}, errLinuxOnly }
