package server

import (
	"context"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// PauseApp has the requests of an app wait, and logs which client did.
func (c *control) PauseApp(ctx context.Context, req *dynlbv1.PauseAppRequest) (*dynlbv1.PauseAppResponse, error) {
	app, err := c.apps.find(req.GetApp())
	if err != nil {
		return nil, err
	}
	changed := app.Pauser.Pause()
	c.log.Info("PauseApp", "peer", peerOf(ctx), "changed", changed, "app", app.Name)
	return &dynlbv1.PauseAppResponse{App: app.Name, Changed: changed}, nil
}

// ResumeApp ends the pause of an app, and logs which client did.
func (c *control) ResumeApp(ctx context.Context, req *dynlbv1.ResumeAppRequest) (*dynlbv1.ResumeAppResponse, error) {
	app, err := c.apps.find(req.GetApp())
	if err != nil {
		return nil, err
	}
	changed := app.Pauser.Resume()
	c.log.Info("ResumeApp", "peer", peerOf(ctx), "changed", changed, "app", app.Name)
	return &dynlbv1.ResumeAppResponse{App: app.Name, Changed: changed}, nil
}
