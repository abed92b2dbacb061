package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/deploy"
	"github.com/dynlb/dynlb/internal/terminal"
	"github.com/dynlb/dynlb/server"
)

// errDeployGoesOn is the error of an interrupt.
const errDeployGoesOn goesOnError = "the deploy goes on; 'dynlb watch' shows it, 'dynlb rollback' ends it"

// deployFlags are the flags of deploy.
type deployFlags struct {
	canary      string
	canaryTime  time.Duration
	factor      float64
	minRequests int32
}

func newDeploy(o *options) *cobra.Command {
	var flags deployFlags
	cmd := &cobra.Command{
		Use:   "deploy DIR|VERSION|IMAGE",
		Short: "Put another version in force without losing a request",
		Long: `Put another version of an app in force: the folder or file DIR, which is given with a
slash, or the folder VERSION in releases of the config, or a name that replaces
{version} in command and env. Its instances start beside the present ones. When they
are ready, they get all requests, and the others drain. With --canary they get a part of
the requests first; if more of these fail, or take longer, than those of the present
version, the deploy ends and the present version stays.

With fleet.kubernetes it is an IMAGE. Kubernetes replaces the pods in turn, and --canary
is not possible. If the new pods do not become ready, the image is set back.

The exit code is 1, and the error says why, when the new version is not in force. The
deploy goes on if this command is interrupted; 'dynlb rollback' ends it.`,
		Example: "  dynlb deploy ./v2\n  dynlb deploy v2 --canary 10% --for 5m\n  dynlb deploy v2 --app api\n  dynlb deploy registry.example.com/web:v2",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return errors.New("deploy needs a folder or a version, such as: dynlb deploy ./v2")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			request, err := flags.request(cmd, args[0])
			if err != nil {
				return err
			}
			request.App = o.app
			return o.printSteps(cmd, "the deploy", errDeployGoesOn, func(ctx context.Context, r *remote) (steps, error) {
				stream, err := r.Deploy(ctx, request)
				return func() (string, error) { m, err := stream.Recv(); return m.GetText(), err }, err
			})
		},
	}
	clientFlags(cmd, o)
	cmd.Flags().StringVar(&flags.canary, "canary", "", "the part of the requests that the new version gets at first, such as 10%")
	cmd.Flags().DurationVar(&flags.canaryTime, "for", deploy.DefaultFor, "how long the canary takes")
	cmd.Flags().Float64Var(&flags.factor, "factor", deploy.DefaultFactor, "how many times more failures, or longer response times, the canary may have")
	cmd.Flags().Int32Var(&flags.minRequests, "min-requests", deploy.DefaultMinRequests, "how many requests a verdict on the canary needs")
	return cmd
}

// request returns the request for a version.
func (f *deployFlags) request(cmd *cobra.Command, version string) (*dynlbv1.DeployRequest, error) {
	if ext := filepath.Ext(version); ext == ".yaml" || ext == ".yml" {
		return nil, usageError{fmt.Errorf("%s is a config and no version of an app: 'dynlb reload' puts a config in force that was changed, and 'dynlb deploy' takes a folder, a file or a name, such as: dynlb deploy ./v2", version)}
	}
	request := &dynlbv1.DeployRequest{Version: version}
	if isPath(version) {
		path, err := filepath.Abs(version)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", version, err)
		}
		request.Version = path
	}
	if f.canary == "" {
		for _, name := range []string{"for", "factor", "min-requests"} {
			if cmd.Flags().Changed(name) {
				return nil, usageError{fmt.Errorf("--%s needs --canary", name)}
			}
		}
		return request, nil
	}
	share, err := parseShare(f.canary)
	if err != nil {
		return nil, usageError{err}
	}
	// In a request 0 is the default.
	switch {
	case f.canaryTime == 0:
		return nil, usageError{fmt.Errorf("--for 0 is outside [%v, %v]", server.MinCanaryTime, server.MaxCanaryTime)}
	case f.factor == 0:
		return nil, usageError{fmt.Errorf("--factor 0 is outside [%d, %d]", server.MinFactor, server.MaxFactor)}
	case f.minRequests == 0:
		return nil, usageError{fmt.Errorf("--min-requests 0 is outside [1, %d]", server.MaxMinRequests)}
	}
	request.Canary, request.CanaryTime = share, durationpb.New(f.canaryTime)
	request.Factor, request.MinRequests = f.factor, f.minRequests
	return request, nil
}

// isPath reports whether a version is a folder or a file. The image of a Kubernetes fleet has
// slashes, too: registry.example.com/web:v2.
func isPath(version string) bool {
	if !strings.ContainsRune(version, filepath.Separator) {
		return version == "." || version == ".."
	}
	if filepath.IsAbs(version) || strings.HasPrefix(version, ".") {
		return true
	}
	_, err := os.Lstat(version)
	return err == nil
}

// parseShare returns a part of the requests: 10% and 0.1 are the same.
func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(number, 64)
	if percent {
		share /= 100
	}
	if err != nil || !(share > 0 && share < 1) {
		return 0, fmt.Errorf("--canary %q is no part of the requests; give a percentage between 0 and 100, such as 10%%", text)
	}
	return share, nil
}

func newRollback(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollback [APP]",
		Short: "Go back to the previous version",
		Long: `End the deploy in progress; the present version stays. If there is none, put the previous
version in force, without a canary. The present one is the previous one then, so that
another rollback goes forward to it again; the first line says from where to where.`,
		Example:           "  dynlb rollback\n  dynlb rollback api",
		Args:              oneApp,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			app, err := o.appOf(args)
			if err != nil {
				return err
			}
			return o.printSteps(cmd, "the rollback", errDeployGoesOn, func(ctx context.Context, r *remote) (steps, error) {
				if line := r.rollbackLine(ctx, app); line != "" {
					fmt.Fprintln(cmd.OutOrStdout(), line)
				}
				stream, err := r.Rollback(ctx, &dynlbv1.RollbackRequest{App: app})
				return func() (string, error) { m, err := stream.Recv(); return m.GetText(), err }, err
			})
		},
	}
	clientFlags(cmd, o)
	return cmd
}

// rollbackLine says which version a rollback takes the place of and which one it puts in
// force; "" if it ends a deploy, or fails.
func (r *remote) rollbackLine(ctx context.Context, app string) string {
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	response, err := r.GetStatus(limited, &dynlbv1.GetStatusRequest{App: app})
	p := response.GetPool()
	if err != nil || p.GetDeploy() != nil || p.GetVersion() == "" || p.GetPreviousVersion() == "" {
		return ""
	}
	return terminal.Printable(fmt.Sprintf("from %[1]s back to %[2]s, which was in force before; another rollback returns to %[1]s", p.GetVersion(), p.GetPreviousVersion()))
}
