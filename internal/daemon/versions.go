package daemon

import (
	"fmt"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/deploy"
	"github.com/dynlb/dynlb/internal/fleet"
)

// versions are the versions of an app, as a config has them.
type versions struct {
	app config.App
	on  host
}

// Configured implements deploy.Versions.
func (v versions) Configured() (label, identity string) {
	return v.app.Label(), fmt.Sprintf("%q %q %q", v.app.Version, v.app.WorkDir, v.app.Location)
}

// Find implements deploy.Versions.
func (v versions) Find(name string) (deploy.Version, error) {
	label, path, err := v.app.FindVersion(name)
	return deploy.Version{Label: label, Path: path}, err
}

// Settings implements deploy.Versions.
func (v versions) Settings(of deploy.Version) (fleet.Settings, error) {
	at, err := v.app.At(of.Label, of.Path)
	if err != nil {
		return nil, err
	}
	return fleetOf(&at, v.on)
}
