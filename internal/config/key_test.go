package config

import (
	"strings"
	"testing"
)

// TestKeysAreDescribed holds every key to a full description, and its default and
// its example to what its own decoder accepts.
func TestKeysAreDescribed(t *testing.T) {
	t.Parallel()
	r := newReader(folderWithApp(t), nil)
	var check func(prefix string, table []Key)
	check = func(prefix string, table []Key) {
		for _, k := range table {
			name := prefix + k.Name
			if !strings.HasSuffix(k.Meaning, ".") || strings.Contains(k.Meaning, "|") {
				t.Errorf("%s: the meaning is %q, want sentences that fit a cell of a table", name, k.Meaning)
			}
			if k.Keys != nil {
				check(name+".", k.Keys)
				continue
			}
			check(name+"[0].", k.Value.Item)
			if k.Change == "" || k.Value.Kind == "" {
				t.Errorf("%s: change is %q and kind is %q, want both", name, k.Change, k.Value.Kind)
			}
			if (k.Default == "") == (k.Example == "") {
				t.Errorf("%s: want either a default or an example", name)
			}
			for _, text := range []string{k.Default, k.Example} {
				if root := r.document([]byte("x: " + text)); root != nil && text != "" {
					k.Value.decode(r, place{key: name}, root.Content[1])
				}
			}
		}
	}
	check("", Keys())
	for _, p := range r.problems {
		t.Errorf("%s: the default or the example %s", p.Key, p.Text)
	}
}

// TestNeeds leaves out each key that another one needs.
func TestNeeds(t *testing.T) {
	t.Parallel()
	dir := folderWithApp(t)
	auth, _ := find(Keys(), "auth")
	tls, _ := find(auth.Keys, "tls")
	for _, k := range tls.Keys {
		pairs := []string{k.Name + ": " + k.Example}
		for _, needed := range k.Needs {
			yaml := "auth: {tls: {" + strings.Join(pairs, ", ") + "}}"
			if _, err := Parse("config.yaml", []byte(yaml), dir, nil); err == nil {
				t.Errorf("%s is accepted, although %s needs %s", yaml, k.Name, needed)
			}
			other, _ := find(tls.Keys, needed)
			pairs = append(pairs, needed+": "+other.Example)
		}
		yaml := "auth: {tls: {" + strings.Join(pairs, ", ") + "}}"
		if _, err := Parse("config.yaml", []byte(yaml), dir, nil); err != nil {
			t.Errorf("%s is refused: %v", yaml, err)
		}
	}
}
