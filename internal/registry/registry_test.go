package registry

import "testing"

// add registers an instance and moves it to state.
func add(t testing.TB, r *Registry, state State) ID {
	t.Helper()
	id := r.Add(Spec{Endpoint: TCP("127.0.0.1", 5001+r.Len()), Port: 5001 + r.Len(), Reason: "test"})
	if state == Unhealthy {
		move(t, r, id, Ready)
	}
	if state != Starting {
		move(t, r, id, state)
	}
	return id
}

// move moves an instance to state.
func move(t testing.TB, r *Registry, id ID, state State) {
	t.Helper()
	if err := r.Transition(id, state, "test"); err != nil {
		t.Fatal(err)
	}
}

// acquire claims an instance that must be free.
func acquire(t testing.TB, r *Registry) Lease {
	t.Helper()
	lease, err := r.Acquire(t.Context(), Preference{})
	if err != nil {
		t.Fatalf("Acquire: %v", err)
	}
	return lease
}

// snapshotOf returns the snapshot of one instance.
func snapshotOf(t testing.TB, r *Registry, id ID) Instance {
	t.Helper()
	for _, in := range r.Snapshot().Instances {
		if in.ID == id {
			return in
		}
	}
	t.Fatalf("instance %s is not in the snapshot", id)
	return Instance{}
}
