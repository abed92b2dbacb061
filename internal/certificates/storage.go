package certificates

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dynlb/dynlb/internal/state"
)

// DefaultStorage returns the folder of what is kept, if the config names none: in that of
// what outlives dynlb.
func DefaultStorage(getenv func(string) string) (string, error) {
	base, _, err := state.Base(getenv)
	if err != nil {
		return "", errors.New("there is no folder to keep certificates in; set tls.storage, or HOME in the environment")
	}
	return filepath.Join(base, "certificates"), nil
}

// broken is the folder, within the storage, of what could not be used.
const broken = "broken"

// moveAside moves a file or folder of the storage away that cannot be used because of
// cause, so that it is made anew. It is kept for a person to look at.
func moveAside(storage, path string, cause error, log *slog.Logger) error {
	within, err := filepath.Rel(storage, path)
	if err != nil {
		return err
	}
	name := time.Now().UTC().Format("20060102T150405.000") + "-" + strings.ReplaceAll(within, string(filepath.Separator), "-")
	to := filepath.Join(storage, broken, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return fmt.Errorf("move unusable files aside: %w", err)
	}
	if err := os.Rename(path, to); err != nil {
		return fmt.Errorf("move unusable files aside: %w", err)
	}
	log.Warn("files in the certificate storage are unusable; moved aside, and made anew", "files", path, "to", to, "cause", cause)
	return nil
}
