// Package kube is the fleet of a Kubernetes cluster: the instances are the pods of a
// Deployment behind a Service. Kubernetes starts, checks and stops them; dynlb says how many
// there are to be, and which one gets a request.
//
// Three parts work at the same time. The source follows the EndpointSlices of the Service and
// keeps a picture of its endpoints. The loop (Run) carries each change of that picture into the
// registry, checks the pods itself, and owns all facts about them. The steward reads and writes
// the Deployment: it is the only part that changes anything in the cluster, and only while it
// holds a Lease. Routing depends on the loop alone: it goes on with the last picture and its own
// checks when the API server is away, for as long as that takes.
//
// docs/kubernetes.md has what Kubernetes was seen to do, which explains most of the rules here.
package kube
