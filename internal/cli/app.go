package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/config"
)

// oneApp returns an error if there is more than one argument, the name of an app.
func oneApp(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("%s takes one app", cmd.Name())
	}
	return nil
}

// appOf returns the app that the arguments or --app name, "" if neither does.
func (o *options) appOf(args []string) (string, error) {
	switch {
	case len(args) == 0:
		return o.app, nil
	case o.app != "" && o.app != args[0]:
		return "", usageError{errors.New("APP and --app mean the same; give one of them")}
	default:
		return args[0], nil
	}
}

// appNames returns the names of all apps, or that of the one that was asked for.
func (r *remote) appNames(ctx context.Context, asked string) ([]string, error) {
	if asked != "" {
		return []string{asked}, nil
	}
	response, err := r.ListApps(ctx, &dynlbv1.ListAppsRequest{})
	if status.Code(err) == codes.Unimplemented { // an older dynlb, which has one app
		return []string{""}, nil
	}
	return response.GetApps(), err
}

// appIn returns the app of a config that has the name; the only one for "".
func appIn(c *config.Config, name string) (*config.App, error) {
	all := c.AllApps()
	if name == "" && len(all) == 1 {
		return &all[0], nil
	}
	names := make([]string, len(all))
	for i := range all {
		if all[i].Name == name {
			return &all[i], nil
		}
		names[i] = all[i].Name
	}
	if name == "" {
		return nil, usageError{fmt.Errorf("there are several apps; give --app %s", alternatives(names))}
	}
	return nil, usageError{fmt.Errorf("there is no app %q; use %s", name, alternatives(names))}
}
