package main

import (
	"fmt"
	"slices"
	"strings"
)

// A license is known by its signs: a file must have all of them, but none that begins with "!".
type license struct {
	id    string // of SPDX
	signs []string
}

// licenses are those that a component may have.
var licenses = []license{
	{"Apache-2.0", []string{"Apache License", "Version 2.0"}},
	{"MPL-2.0", []string{"Mozilla Public License", "2.0"}},
	{"MIT", []string{"Permission is hereby granted, free of charge, to any person obtaining a copy"}},
	{"BSD-3-Clause", []string{"Redistribution and use in source and binary forms", "Neither the name of"}},
	{"BSD-3-Clause", []string{"Redistribution and use in source and binary forms", "may not be used to endorse or promote"}},
	{"BSD-2-Clause", []string{"Redistribution and use in source and binary forms", "!endorse or promote", "!Neither the name of"}},
	{"ISC", []string{"Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee"}},
	{"ISC", []string{"Permission to use, copy, modify, and distribute this software for any purpose with or without fee"}},
	{"CC0-1.0", []string{"CC0 1.0 Universal"}},
}

// classify finds the licenses of a component in its texts. A component without one that is
// known is an error: a person has to look at it.
func (c *component) classify() error {
	var found []string
	for _, text := range c.texts {
		text = strings.Join(strings.Fields(text), " ")
		for _, l := range licenses {
			if l.matches(text) && !slices.Contains(found, l.id) {
				found = append(found, l.id)
			}
		}
	}
	if len(found) == 0 {
		return fmt.Errorf("%s %s has no license that is known in %d files", c.name, c.version, len(c.texts))
	}
	slices.Sort(found)
	c.license = strings.Join(found, " AND ")
	return nil
}

// matches reports whether a text, with single spaces, is that of the license.
func (l license) matches(text string) bool {
	for _, sign := range l.signs {
		absent, not := strings.CutPrefix(sign, "!")
		if strings.Contains(text, absent) == not {
			return false
		}
	}
	return true
}
