package certificates

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/dynlb/dynlb/internal/certificates/pebbletest"
)

// TestZapCore keeps the course of an issuance out of the log of level info, and repeated
// warnings.
func TestZapCore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out pebbletest.Buffer
		log := zap.New(newZapCore(slog.New(slog.NewTextHandler(&out, nil)))).With(zap.String("name", "a.example.com"))
		count := func(text string) int { return strings.Count(out.String(), text) }
		log.Info("lock acquired")
		log.Error("will retry", zap.Error(errors.New("reported with its remedy")))
		if out.String() != "" {
			t.Errorf("the log has %q, want nothing", out.String())
		}
		for range 3 {
			log.Warn("stapling OCSP", zap.Error(errors.New("no answer")))
			log.Named("other").Error("panic")
		}
		if want := `level=WARN msg="certmagic: stapling OCSP"`; count(want) != 1 || count("certmagic: panic") != 1 {
			t.Errorf("the log has %q, want each warning once", out.String())
		}
		if count("error=\"no answer\"") != 1 || count("name=a.example.com") != 2 {
			t.Errorf("the log has %q, want the fields of each line", out.String())
		}
		time.Sleep(repeatInterval)
		log.Warn("stapling OCSP", zap.Error(errors.New("no answer")))
		if count("certmagic: stapling OCSP") != 2 {
			t.Errorf("the log has %q, want the warning again after %v", out.String(), repeatInterval)
		}
	})
}
