// Package daemon is `dynlb serve`: it wires the parts, starts and stops them, and
// puts each new configuration in force.
package daemon
