package orphan

import "testing"

func TestMark(t *testing.T) {
	t.Parallel()
	m := NewMark("one")
	if !ThisRun().covers(m) || !m.covers(m) {
		t.Errorf("%s is not covered by %s and by itself", m, ThisRun())
	}
	for _, other := range []Mark{NewMark("on"), NewMark("one2"), "1.1/one", ""} {
		if m.covers(other) {
			t.Errorf("%s covers %s", m, other)
		}
	}
	if got := m.run() + "/"; Mark(got) != ThisRun() {
		t.Errorf("run %s, want %s", got, ThisRun())
	}
	got, ok := markIn("A=b\x00" + m.Env() + "\x00C=d\x00")
	if !ok || got != m {
		t.Errorf("markIn = %s, %v", got, ok)
	}
	for _, none := range []string{"", "A=b\x00", "X" + variable + "=m\x00", variable + "\x00"} {
		if got, ok := markIn(none); ok {
			t.Errorf("markIn(%q) = %s", none, got)
		}
	}
}
