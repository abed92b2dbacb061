// Package policy decides what both lanes of the proxy must decide alike. The lanes
// carry the decisions out.
package policy
