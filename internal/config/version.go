package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/pattern"
)

// versionPlaceholder stands for the label of the version in command and env.
const versionPlaceholder = "{version}"

// versionLabel is what a version may be called: it stands in metrics, paths and logs.
var versionLabel = pattern.New(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$`)

// versionKeys say which versions there are.
func versionKeys(a *App) []Key {
	return []Key{
		{
			Name: "version", Value: version(&a.Version), Example: "1.4.0", Change: RollingRestart,
			Meaning: "The name of the version that runs until `dynlb deploy` puts another one in force. `{version}` in `command` and `env` is replaced by it; instances find it in `DYNLB_VERSION`. A change has precedence over what was deployed before.",
		},
		{
			Name: "releases", Value: folder(&a.Releases), Example: "releases", Change: AtOnce,
			Meaning: "The folder with a folder for each version, such as `releases/v2` for `dynlb deploy v2`. The folder of a version takes the place of `workDir`, and `location` is the same file in it.",
		},
	}
}

// version is the label of a version.
func version(field *string) Value {
	return Value{Kind: Version, decode: func(r *reader, at place, node *yaml.Node) {
		label, ok := word(node)
		if !ok || !versionLabel().MatchString(label) {
			r.wrong(at, node, "a version of letters, digits, dots, hyphens, underscores and plus signs, such as 1.4.0")
			return
		}
		*field = label
	}}
}

// versions checks that the version is known where it is used.
func (s scope) versions() {
	if !s.good(s.key("command"), s.key("env"), s.key("version")) || s.app.Version != "" {
		return
	}
	for _, name := range []string{"command", "env"} {
		if key := s.key(name); s.app.usesVersion(name) {
			s.problem(s.set[key], "uses {version}; set version too, the one that runs before the first deploy")
			return
		}
	}
}

// usesVersion reports whether command or env has {version}.
func (a *App) usesVersion(key string) bool {
	if key == "command" {
		return uses(a.Command, versionPlaceholder)
	}
	for _, value := range a.Env {
		if strings.Contains(value, versionPlaceholder) {
			return true
		}
	}
	return false
}

// Label returns the label of the configured version: Version, or the name of the folder
// among Releases that WorkDir is; "" if it has none.
func (a *App) Label() string {
	if a.Version == "" && a.Releases != "" && filepath.Dir(a.WorkDir) == a.Releases {
		return filepath.Base(a.WorkDir)
	}
	return a.Version
}

// Variables returns Env with {version} replaced. Values have {socket} still in them.
func (a *App) Variables() map[string]string {
	if a.Env == nil {
		return nil
	}
	out := make(map[string]string, len(a.Env))
	for name, value := range a.Env {
		out[name] = strings.ReplaceAll(value, versionPlaceholder, a.Label())
	}
	return out
}

// FindVersion returns the label and the path of the version that an operator means by a
// name or an absolute path. Both are "" for the configured one. Links are followed, so
// that a version stays the same when a link to it moves on.
func (a *App) FindVersion(name string) (label, path string, err error) {
	switch {
	case a.OnKubernetes():
		return name, "", checkImage(name)
	case filepath.IsAbs(name):
		path = name
	case strings.ContainsRune(name, filepath.Separator):
		return "", "", fmt.Errorf("%s is not an absolute path, which 'dynlb deploy' makes of one that exists", name)
	case !versionLabel().MatchString(name):
		return "", "", fmt.Errorf("%q is no version: it must have letters, digits, dots, hyphens, underscores and plus signs only; a folder needs a slash, such as ./%s", name, name)
	case name == a.Label():
		return "", "", nil
	case a.Releases != "":
		path = filepath.Join(a.Releases, name)
	case a.usesVersion("command"), a.usesVersion("env"):
		return name, "", nil
	default:
		return "", "", fmt.Errorf("it is not known where version %s is: set releases, or use {version} in command; to deploy a folder, write its path, such as ./releases/v2", name)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		err = fmt.Errorf("find version %s: %w", name, cause(err))
		if !filepath.IsAbs(name) {
			err = fmt.Errorf("%w in %s, which has %s", err, a.Releases, someVersions(a.Releases))
		}
		return "", "", err
	}
	if present, err := filepath.EvalSymlinks(a.WorkDir); err == nil && present == path {
		return "", "", nil
	}
	label = filepath.Base(path)
	if !versionLabel().MatchString(label) {
		return "", "", fmt.Errorf("the name of %s is no version: it must have letters, digits, dots, hyphens, underscores and plus signs only", path)
	}
	if _, err := a.At(label, path); err != nil {
		return "", "", err
	}
	return label, path, nil
}

// shownVersions is how many versions an error lists.
const shownVersions = 5

// someVersions returns the last versions of a folder, by name, as a text.
func someVersions(releases string) string {
	entries, _ := os.ReadDir(releases) // what cannot be read has none
	var names []string
	for _, entry := range slices.Backward(entries) {
		if versionLabel().MatchString(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	switch more := len(names) - shownVersions; {
	case len(names) == 0:
		return "no version"
	case more > 0:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:shownVersions], ", "), more)
	default:
		return strings.Join(names, ", ")
	}
}

// errNothingToDeploy is why the demo has no other version.
var errNothingToDeploy = errors.New("the config has neither location nor command, so there is nothing to deploy")

// At returns the app with another version: its folder takes the place of WorkDir, and
// Location is the same file in it. If path is a file, that is Location. "" and "" is the
// configured version.
func (a *App) At(label, path string) (App, error) {
	at := *a
	if at.Version = a.Label(); label != "" {
		at.Version = label
	}
	if path == "" {
		return at, nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return App{}, fmt.Errorf("version %s: %w", label, err)
	case a.Location == "" && a.Command == nil:
		return App{}, errNothingToDeploy
	case !info.IsDir() && a.Location == "":
		return App{}, fmt.Errorf("%s is a file, and the config has no location that it could replace; give a folder", path)
	case !info.IsDir():
		at.Location = path
		return at, nil
	}
	at.WorkDir = path
	if a.Location == "" {
		return at, nil
	}
	inside, err := filepath.Rel(a.WorkDir, a.Location)
	if err != nil || !filepath.IsLocal(inside) {
		return App{}, fmt.Errorf("location (%s) is not in workDir (%s), so it is not known where it is in %s; set workDir to the folder of the version", a.Location, a.WorkDir, path)
	}
	at.Location = filepath.Join(path, inside)
	if _, err := os.Stat(at.Location); err != nil {
		return App{}, fmt.Errorf("version %s: %w", label, err)
	}
	return at, nil
}
