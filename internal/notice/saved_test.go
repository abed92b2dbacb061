package notice

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

// TestSaved: the report goes on in another process, and no field of Saved is lost.
func TestSaved(t *testing.T) {
	t.Parallel()
	before, _ := newBoard()
	bounds := Bounds{Min: 1, Max: 8}
	before.Decide(2, bounds, time.Time{}, "window", "first")
	before.Decide(4, bounds, time.Time{}, "window", "more")
	before.Decide(3, bounds, time.Now().Add(time.Hour), "order", "less")
	before.SetLoad(1.5)
	before.CountRestart()
	before.SetLastExit(Exit{ID: "a", Time: time.Now(), Reason: "exit status 1", Output: []string{"last words"}})
	saved := before.Save()
	for i := range reflect.TypeFor[Saved]().NumField() {
		if reflect.ValueOf(saved).Field(i).IsZero() {
			t.Errorf("%s has no value in this test", reflect.TypeFor[Saved]().Field(i).Name)
		}
	}
	text, err := json.Marshal(saved)
	if err != nil {
		t.Fatal(err)
	}
	var read Saved
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	after, _ := newBoard()
	after.Restore(read)
	again, err := json.Marshal(after.Save())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, text) {
		t.Errorf("got  %s\nwant %s", again, text)
	}
	if _, events, _ := after.Since(0); len(events) != 0 {
		t.Errorf("%d events", len(events))
	}
	after.Decide(3, bounds, time.Time{}, "order", "the same")
	if now := after.Snapshot(); now.Raised != 1 || now.Lowered != 1 {
		t.Errorf("the first report counts as a change: %d and %d", now.Raised, now.Lowered)
	}
}
