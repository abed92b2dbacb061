// Package pebbletest runs pebble, an ACME authority for tests, on loopback, and has what
// else the tests of certificates share. tools/pebble pins pebble.
package pebbletest
