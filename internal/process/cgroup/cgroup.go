// Package cgroup gives a child a control group of its own (cgroup v2; Linux,
// Documentation/admin-guide/cgroup-v2.rst). The child is born in it, and so are
// all its descendants, whatever they do to their process group, session or
// environment: nothing leaves it unless root moves it. So the group kills, counts
// and measures all that a child has started.
//
// It promises to never be in the way: where control groups cannot be used (see
// Containment), New returns nil, and a nil *Group does nothing. The package makes
// groups below that of dynlb itself, removes those it made, and touches no other.
//
// It imports procfs, and no other package of dynlb. All functions and methods are
// safe for concurrent use. On systems other than Linux there are no groups.
package cgroup
