package certificates

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddyserver/certmagic"
)

// repair moves aside what the storage has of a name, or of the accounts at an authority,
// if it is unusable, such as a file that was cut short when the disk was full. certmagic
// returns an error for such files each time, and obtains nothing.
func repair(storage *lockedStorage, issuer, name string, log *slog.Logger) error {
	keys := certmagic.StorageKeys
	folder := storage.Filename(keys.CertsSitePrefix(issuer, name))
	err := checkCertificate(
		storage.Filename(keys.SiteCert(issuer, name)),
		storage.Filename(keys.SitePrivateKey(issuer, name)),
		storage.Filename(keys.SiteMeta(issuer, name)))
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return repairAccounts(storage, issuer, log)
	}
	if errors.Is(err, fs.ErrPermission) {
		return err
	}
	return errors.Join(moveAside(storage.Path, folder, err, log), repairAccounts(storage, issuer, log))
}

// checkCertificate returns why the files of a certificate are unusable. It is
// fs.ErrNotExist if one of them does not exist.
func checkCertificate(cert, key, metadata string) error {
	content, err := os.ReadFile(metadata)
	if err != nil {
		return err
	}
	var decoded map[string]any
	if err := json.Unmarshal(content, &decoded); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(metadata), err)
	}
	if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
		return fmt.Errorf("read %s: %w", filepath.Base(cert), err)
	}
	return nil
}

// repairAccounts moves aside the accounts at an authority that are unusable.
func repairAccounts(storage *lockedStorage, issuer string, log *slog.Logger) error {
	folders, err := filepath.Glob(filepath.Join(storage.Filename("acme"), certmagic.StorageKeys.Safe(issuer), "users", "*"))
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if err := checkAccount(folder); err != nil && !errors.Is(err, fs.ErrPermission) {
			if err := moveAside(storage.Path, folder, err, log); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkAccount returns why the files of an account are unusable.
func checkAccount(folder string) error {
	files, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			return err
		}
		usable := true
		switch {
		case strings.HasSuffix(f.Name(), ".json"):
			usable = json.Valid(content)
		case strings.HasSuffix(f.Name(), ".key"):
			block, _ := pem.Decode(content)
			usable = block != nil
		}
		if !usable {
			return fmt.Errorf("read %s: it is cut short or overwritten", f.Name())
		}
	}
	return nil
}
