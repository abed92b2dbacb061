package deploy

import (
	"cmp"

	"github.com/dynlb/dynlb/internal/fleet"
)

// Version is a version of an app. The zero value is the one that the config names.
type Version struct {
	// Label names it.
	Label string `json:"label,omitempty"`
	// Path is its folder, or its file; "" if only the label tells it from others.
	Path string `json:"path,omitempty"`
}

// Versions are what the config says of the versions of an app. It does not change.
type Versions interface {
	// Configured returns the label of the version that the config names, "" if it has
	// none, and what tells it from others that the config might name.
	Configured() (label, identity string)
	// Find returns the version that an operator means by a name or an absolute path: the
	// zero Version for the configured one. The error says what would be right.
	Find(name string) (Version, error)
	// Settings returns the settings of instances of a version. They fail if its folder is
	// gone.
	Settings(v Version) (fleet.Settings, error)
}

// record is what is kept of an app over a restart of dynlb.
type record struct {
	// Current is the version in force, and Previous the one before it.
	Current  Version  `json:"current"`
	Previous *Version `json:"previous,omitempty"`
	// Configured is the identity of the configured version when Current was deployed. If
	// that changes, the config counts again.
	Configured string `json:"configured"`
}

// identity returns what tells the configured version from others.
func identity(versions Versions) string {
	_, id := versions.Configured()
	return id
}

// Store keeps documents over a restart of dynlb, such as a state.Folder.
type Store interface {
	// Load reads the document of a name, and reports whether there is one.
	Load(name string, v any) (bool, error)
	// Save writes it. After nil, it is there after a crash, too.
	Save(name string, v any) error
}

// label returns how texts name a version.
func (d *Deployer) label(v Version) string {
	if v == (Version{}) {
		label, _ := d.versions.Configured()
		return cmp.Or(label, "the configured version")
	}
	return v.Label
}
