package app

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestSetAddAndRemove: an app that is added runs, and one that is removed ends on its
// own, while the other apps go on.
func TestSetAddAndRemove(t *testing.T) {
	t.Parallel()
	var text log
	logger := slog.New(slog.NewTextHandler(&text, nil))
	set, ended := start(t, logger)
	red := newApp("red", logger)
	set.Add(t.Context(), red)
	if _, err := red.Scaler.ScaleTo(t.Context(), 1, 0, "test"); err != nil {
		t.Errorf("the app that was added does not run: %v", err)
	}
	if all := set.All(); len(all) != 3 || all[0].Name != "blue" || all[1].Name != "green" || all[2] != red || set.Get("red") != red {
		t.Errorf("apps %v", all)
	}

	blue := set.Get("blue")
	set.Remove(t.Context(), "blue", time.Minute)
	if set.Get("blue") != nil || len(set.All()) != 2 {
		t.Error("the app that was removed is still in the set")
	}
	if _, err := blue.Scaler.ScaleTo(t.Context(), 1, 0, "test"); err != nil {
		t.Errorf("an app that leaves is scaled no more, although requests may wait: %v", err)
	}
	<-blue.scalingDone
	for {
		if _, err := blue.Registry.Acquire(t.Context(), registry.Preference{}); errors.Is(err, registry.ErrClosed) {
			break
		}
	}
	if _, err := set.Get("green").Scaler.ScaleTo(t.Context(), 1, 0, "test"); err != nil {
		t.Errorf("the other app: %v", err)
	}
	set.Remove(t.Context(), "green", time.Hour) // Stop does not wait for it
	set.Stop(t.Context())
	<-ended
	for _, want := range []string{`msg="app ended" app=blue`, `msg="app ended" app=green`} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the log lacks %s: %s", want, text.String())
		}
	}
}
