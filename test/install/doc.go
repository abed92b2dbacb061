// Package install holds the tests of what installs dynlb in a Kubernetes cluster: the kustomize
// base and the chart. It has no code of its own.
package install
